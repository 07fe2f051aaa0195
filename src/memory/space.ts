/**
 * A shard's address space: one region of up to 2 GiB, given out in runs of 4 KiB pages.
 *
 * All state lies in the region itself (space-layout.ts), so that every thread constructs its own
 * Space over the same memory and sees the same. Every method is called under the shard's lock.
 *
 * Address space is plenty; resident memory is what counts. It is counted by the owners of the runs:
 * `commit` says how many pages came into use or went out of it, and keeps a sum per shard and one
 * for the process. Freed runs are given back to the system in batches: a short run waits in a
 * list of pending ones, where a request of the same size may pick it up while its pages are still
 * resident; a long one, or a full list, goes back at once. `trim` sends the rest. Background work sends
 * what nobody picks up (`trimUnused`): pending pages are resident, and no count of used memory has them.
 */
import { populatePages, releasePages } from '../base/page-release.js';
import type { Region } from '../base/region.js';
import { checkRuns, freeRunAt, giveRun, resetRuns, takeRun } from './page-runs.js';
import {
  DATA_PAGE_WORD,
  END_PAGE_WORD,
  FRAME_PAGES,
  HASH_EPOCH_WORD,
  HASH_KEY_WORD,
  HASH_SPREAD_WORD,
  HIGH_WORD,
  LISTED_WORD,
  LOW_WORD,
  MAGIC_WORD,
  PAGE_BYTES,
  PAGE_SHIFT,
  PENDING_COUNT_WORD,
  PENDING_LEAST_WORD,
  PENDING_MAX,
  PENDING_PAGES_WORD,
  PENDING_WORD,
  RESERVED_PAGE_WORD,
  RESIDENT_WORD,
  SPACE_GRAIN_BYTES,
  SPACE_MAGIC,
  TAG_WORDS,
  TAGS_PAGE,
} from './space-layout.js';

/** A run of this many pages is given back at once; so is everything when this many wait. */
const RELEASE_AT_ONCE_PAGES = 64;
export const PENDING_PAGES_MAX = 256;
/** So many may wait for ever. */
export const PENDING_PAGES_KEPT = 8;

/** How a data set hashes keys (64 bits), and over how many shards it spreads those of one hash tag. */
export interface HashKey {
  readonly key0: number;
  readonly key1: number;
  readonly spread: number;
}

/** Frees pages of what was removed and is not freed yet. */
export interface PageReclaimer {
  /** Frees some, under the shard's lock. @returns false when there are none */
  reclaim(space: Space): boolean;
}

export class Space {
  readonly words: Int32Array;
  /**
   * Asked before a request is refused. What it does happens in the middle of whatever asked for pages:
   * it shares no state with that.
   */
  reclaimer: PageReclaimer | null = null;
  /** What this thread keeps for the space: see per-space.ts. */
  readonly kept: unknown[] = [];

  /**
   * @param region memory on which `Space.format` has run
   * @param counters process-wide counters, shared by all threads
   * @param counterIndex the word of `counters` that sums the resident pages of all spaces
   */
  constructor(
    readonly region: Region,
    readonly counters: Int32Array,
    readonly counterIndex: number,
  ) {
    this.words = region.words;
    if (this.words[MAGIC_WORD] !== SPACE_MAGIC)
      throw new Error('space: the region is not formatted');
  }

  /**
   * Initialises fresh (zeroed) memory; once, before any thread constructs a Space over it.
   * @param reservedPages pages at `reservedOffset` that are the shard's own and outlive reset()
   */
  static format(region: Region, hashKey0: number, hashKey1: number, reservedPages = 0): void {
    if (region.length % SPACE_GRAIN_BYTES !== 0 || region.length > 2 ** 31) {
      throw new Error(`space: ${region.length} bytes is not a multiple of 1 MiB up to 2 GiB`);
    }
    const words = region.words;
    const pages = region.length / PAGE_BYTES;
    const tagPages = Math.ceil((pages * TAG_WORDS * 4) / PAGE_BYTES);
    const reserved = TAGS_PAGE + tagPages;
    const first = Math.ceil((reserved + reservedPages) / FRAME_PAGES) * FRAME_PAGES;
    words[RESERVED_PAGE_WORD] = reserved;
    words[DATA_PAGE_WORD] = first;
    words[LOW_WORD] = first;
    words[HIGH_WORD] = pages;
    words[END_PAGE_WORD] = pages;
    words[HASH_KEY_WORD] = hashKey0;
    words[HASH_KEY_WORD + 1] = hashKey1;
    words[HASH_SPREAD_WORD] = 1;
    words[MAGIC_WORD] = SPACE_MAGIC;
  }

  /**
   * The key of every hash in this space, and the spread of hash tags. A replica takes its primary's,
   * while it is empty. Under the locks of all shards: a new epoch of hashes begins.
   */
  setHashKey(key0: number, key1: number, spread: number): void {
    const { words } = this;
    words[HASH_KEY_WORD] = key0;
    words[HASH_KEY_WORD + 1] = key1;
    words[HASH_SPREAD_WORD] = spread;
    // Whoever loads this epoch without a lock reads the key of this epoch, or of a later one.
    Atomics.store(words, HASH_EPOCH_WORD, words[HASH_EPOCH_WORD]! + 1);
  }

  /** The epoch of the hash key. The lock orders this read. */
  get hashEpoch(): number {
    return this.words[HASH_EPOCH_WORD]!;
  }

  /** The same without the lock, to be followed by reading the key. Any thread. */
  loadHashEpoch(): number {
    return Atomics.load(this.words, HASH_EPOCH_WORD);
  }

  get hashSpread(): number {
    return this.words[HASH_SPREAD_WORD]!;
  }

  get hashKey0(): number {
    return this.words[HASH_KEY_WORD]!;
  }

  get hashKey1(): number {
    return this.words[HASH_KEY_WORD + 1]!;
  }

  /** Where the pages reserved on formatting begin, as a byte offset. They are not counted. */
  get reservedOffset(): number {
    return this.words[RESERVED_PAGE_WORD]! << PAGE_SHIFT;
  }

  /** Upper bound of the pages that allocate can still give. */
  get freePages(): number {
    const words = this.words;
    const wilderness = words[HIGH_WORD]! - words[LOW_WORD]!;
    return words[LISTED_WORD]! + wilderness + words[PENDING_PAGES_WORD]!;
  }

  /** Pages of freed runs that are not given back to the system yet. */
  get pendingPages(): number {
    return this.words[PENDING_PAGES_WORD]!;
  }

  /** Pages in one piece that no run was ever taken from. */
  get untouchedPages(): number {
    return this.words[HIGH_WORD]! - this.words[LOW_WORD]!;
  }

  /** Pages that runs could ever take from this space. */
  get dataPages(): number {
    return this.words[END_PAGE_WORD]! - this.words[DATA_PAGE_WORD]!;
  }

  get residentPages(): number {
    return this.words[RESIDENT_WORD]!;
  }

  /** Counts pages that came into use (or, negative, went out of it), here and process-wide. */
  commit(pagesDelta: number): void {
    this.words[RESIDENT_WORD]! += pagesDelta;
    // The sum over all shards, whose locks differ: an atomic add keeps it exact; nothing is
    // ordered by it.
    Atomics.add(this.counters, this.counterIndex, pagesDelta);
  }

  /**
   * A run of `pages` pages, with undefined content.
   * @returns its byte offset, or 0 when there is no room
   */
  allocate(pages: number): number {
    let run = this.allocateFree(pages);
    while (run === 0 && this.reclaimer?.reclaim(this) === true) run = this.allocateFree(pages);
    return run;
  }

  /**
   * Says that about so many single pages are about to be taken, and written: where they come from memory
   * that was never used, one call takes the place of a fault for each. Those that are not taken are the next.
   */
  populateAhead(pages: number): void {
    const { words } = this;
    const high = words[HIGH_WORD]!;
    const isFresh = words[LISTED_WORD] === 0 && high - words[LOW_WORD]! >= pages;
    if (isFresh) populatePages(this.region, (high - pages) * PAGE_BYTES, pages * PAGE_BYTES);
  }

  private allocateFree(pages: number): number {
    const words = this.words;
    const pending = takePending(words, pages);
    if (pending !== 0) return pending << PAGE_SHIFT;
    const page = takeRun(words, pages);
    if (page !== 0) return page << PAGE_SHIFT;
    if (words[PENDING_COUNT_WORD] === 0) return 0;
    this.trim();
    return takeRun(words, pages) << PAGE_SHIFT;
  }

  /** Frees a run, or any part of one. */
  free(offset: number, pages: number): void {
    const words = this.words;
    const page = offset >>> PAGE_SHIFT;
    if (pages >= RELEASE_AT_ONCE_PAGES) {
      releasePages(this.region, offset, pages << PAGE_SHIFT);
      giveRun(words, page, pages);
      return;
    }
    const count = words[PENDING_COUNT_WORD]!;
    words[PENDING_WORD + count * 2] = page;
    words[PENDING_WORD + count * 2 + 1] = pages;
    words[PENDING_COUNT_WORD] = count + 1;
    words[PENDING_PAGES_WORD]! += pages;
    if (count + 1 === PENDING_MAX || words[PENDING_PAGES_WORD]! >= PENDING_PAGES_MAX) this.trim();
  }

  /** Gives pages inside a run in use back to the system: their bytes are lost, the run stays. */
  releasePages(offset: number, pages: number): void {
    releasePages(this.region, offset, pages << PAGE_SHIFT);
  }

  /** Whether `trimUnused` has something to do. May be read without the lock. */
  get holdsUnused(): boolean {
    return this.pendingPages > PENDING_PAGES_KEPT;
  }

  /**
   * Gives freed pages back of which nobody needed some since it was called last. While all of them come
   * and go, they stay: that saves their faults.
   */
  trimUnused(): void {
    const words = this.words;
    if (words[PENDING_LEAST_WORD]! > PENDING_PAGES_KEPT) this.trim();
    else words[PENDING_LEAST_WORD] = words[PENDING_PAGES_WORD]!;
  }

  private forgetPending(): void {
    const words = this.words;
    words[PENDING_COUNT_WORD] = 0;
    words[PENDING_PAGES_WORD] = 0;
    words[PENDING_LEAST_WORD] = 0;
  }

  /** Gives all freed pages back to the system, neighbours in one call. */
  trim(): void {
    const words = this.words;
    const count = words[PENDING_COUNT_WORD]!;
    sortPending(words, count);
    this.forgetPending();
    let i = 0;
    while (i < count) {
      const page = words[PENDING_WORD + i * 2]!;
      let pages = words[PENDING_WORD + i * 2 + 1]!;
      for (i++; i < count && words[PENDING_WORD + i * 2] === page + pages; i++) {
        pages += words[PENDING_WORD + i * 2 + 1]!;
      }
      releasePages(this.region, page << PAGE_SHIFT, pages << PAGE_SHIFT);
      giveRun(words, page, pages);
    }
  }

  /** Frees every run at once. Offsets of runs (roots of tables, say) become invalid. */
  reset(): void {
    const words = this.words;
    const first = words[DATA_PAGE_WORD]!;
    const low = words[LOW_WORD]!;
    const high = words[HIGH_WORD]!;
    const end = words[END_PAGE_WORD]!;
    resetRuns(words);
    this.forgetPending();
    this.commit(-this.residentPages);
    if (low > first) {
      releasePages(this.region, first << PAGE_SHIFT, (low - first) << PAGE_SHIFT);
    }
    if (end > high) releasePages(this.region, high * PAGE_BYTES, (end - high) << PAGE_SHIFT);
  }

  /** Verifies the allocator's invariants; throws when one is broken. */
  check(): void {
    const words = this.words;
    const low = words[LOW_WORD]!;
    const high = words[HIGH_WORD]!;
    if (low < words[DATA_PAGE_WORD]! || high < low || high > words[END_PAGE_WORD]!) {
      throw new Error(`wilderness from ${low} to ${high}`);
    }
    checkRuns(words);
    let pending = 0;
    for (let i = 0; i < words[PENDING_COUNT_WORD]!; i++) {
      const page = words[PENDING_WORD + i * 2]!;
      const pages = words[PENDING_WORD + i * 2 + 1]!;
      if (freeRunAt(words, page) !== 0) throw new Error(`pending run at ${page} is free as well`);
      pending += pages;
    }
    if (pending !== words[PENDING_PAGES_WORD]) throw new Error(`${pending} pages pending`);
    const least = words[PENDING_LEAST_WORD]!;
    if (least < 0 || least > pending) throw new Error(`${least} of ${pending} pages unused`);
    if (this.residentPages < 0) throw new Error(`${this.residentPages} resident pages`);
    if (this.residentPages > this.dataPages - this.freePages) {
      throw new Error(`${this.residentPages} pages declared in use, more than were given out`);
    }
  }
}

/** A pending run of exactly this length: its pages are still resident, which saves the faults. */
function takePending(words: Int32Array, pages: number): number {
  const count = words[PENDING_COUNT_WORD]!;
  for (let i = count - 1; i >= 0; i--) {
    const at = PENDING_WORD + i * 2;
    if (words[at + 1] !== pages) continue;
    const page = words[at]!;
    const last = PENDING_WORD + (count - 1) * 2;
    words[at] = words[last]!;
    words[at + 1] = words[last + 1]!;
    words[PENDING_COUNT_WORD] = count - 1;
    const left = words[PENDING_PAGES_WORD]! - pages;
    words[PENDING_PAGES_WORD] = left;
    if (left < words[PENDING_LEAST_WORD]!) words[PENDING_LEAST_WORD] = left;
    return page;
  }
  return 0;
}

/** By page; insertion sort: there are few, and often in order. */
function sortPending(words: Int32Array, count: number): void {
  for (let i = 1; i < count; i++) {
    const page = words[PENDING_WORD + i * 2]!;
    const pages = words[PENDING_WORD + i * 2 + 1]!;
    let at = PENDING_WORD + i * 2 - 2;
    for (; at >= PENDING_WORD && words[at]! > page; at -= 2) {
      words[at + 2] = words[at]!;
      words[at + 3] = words[at + 1]!;
    }
    words[at + 2] = page;
    words[at + 3] = pages;
  }
}
