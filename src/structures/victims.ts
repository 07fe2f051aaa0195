/**
 * Choosing what is evicted from a table: frames by a sample of the hashes, and in a frame the entries
 * that matter least.
 *
 * A page is free only when a frame's log is shorter by it. So victims are not spread over the table: a
 * frame gives as many as leave a page of garbage, and is compacted then. A frame that has the garbage
 * already gives none.
 *
 *   frame     the one with the most entries for its share of the hashes, or that with the earliest
 *             expiry, of `samples`
 *   entries   by order of slots: those in the last slots of all buckets, then in the last but one
 *             by chance: others in each bucket
 *             by expiry: those that expire first
 *
 * An entry's place in its bucket over the bucket's share of the hashes tells how many entries of the
 * table are more useful. Frames of the same density have the same tails.
 */
import { partOf } from '../base/random.js';
import type { Region } from '../base/region.js';
import { PAGE_BYTES } from '../memory/space-layout.js';
import { ENTRY_EXPIRES, Entry } from './entry.js';
import {
  BUCKETS_LIMIT,
  FRAME_BUCKETS,
  FRAME_DEPTH,
  FRAME_ENTRIES,
  FRAME_EXPIRING,
  FRAME_EXPIRY_BYTE,
  SLOTS,
} from './frame.js';
import { garbageOf } from './frame-maintenance.js';
import { bucketOffset, fingerprintAt, referenceAt } from './slots.js';
import type { Table } from './table.js';

export const BY_ORDER = 0;
export const BY_CHANCE = 1;
export const BY_EXPIRY = 2;

/** What may be evicted. */
export interface VictimChoice {
  readonly by: typeof BY_ORDER | typeof BY_CHANCE | typeof BY_EXPIRY;
  /** Only entries that expire. */
  readonly expiringOnly: boolean;
}

/** Victims of one round at most, so that a lock is held for a bounded time. */
export const VICTIMS_MAX = 128;
/** Has no divisor in common with SLOTS: so many slots on, again and again, come all of them. */
const STRIDE = 7;
/** Frames that are drawn for each sample, until one has something to evict. */
const DRAWS = 8;
/** Entries of a frame, at most. */
const ENTRIES_MAX = (BUCKETS_LIMIT + 1) * SLOTS;

export class Victims {
  /** Offsets of the entries to evict. Removing them in this order moves none. */
  readonly offsets = new Int32Array(VICTIMS_MAX);
  count = 0;
  /** A hash position in their frame. */
  position = 0;
  private frame = 0;
  /** The earliest expiry of what is left in the frame, when expiries decided; else 0. */
  private earliestLeft = Number.NaN;
  private readonly entry = new Entry();
  /** By entry of the frame: offset and expiry, when these decide. */
  private readonly found = new Int32Array(ENTRIES_MAX);
  private readonly expiries = new Float64Array(ENTRIES_MAX);

  /**
   * @param random gives 32 random bits, signed
   * @param owningKinds bit k is set when values of kind k own pages, which removal frees
   */
  constructor(
    private readonly random: () => number,
    private readonly owningKinds: number,
  ) {}

  /** Chooses a frame and its victims. @returns false when there is nothing to evict */
  choose(table: Table, choice: VictimChoice, samples: number): boolean {
    this.count = 0;
    this.earliestLeft = 0;
    const frame = this.chooseFrame(table, choice, samples);
    if (frame === 0) return false;
    this.frame = frame;
    const { region } = table;
    const needed = PAGE_BYTES - garbageOf(region.words, frame);
    if (needed <= 0) return true;
    if (choice.by === BY_EXPIRY) this.collectEarliest(region, frame, needed);
    else this.collect(region, frame, needed, choice);
    return this.count > 0;
  }

  /**
   * All victims have been removed, and nothing has moved since: the frame knows again when the first of
   * its entries expires, so that it is not chosen for those that are gone.
   */
  noteRemoved({ view }: Region): void {
    if (this.earliestLeft === 0) return;
    view.setFloat64(this.frame + FRAME_EXPIRY_BYTE, this.earliestLeft, true);
  }

  private chooseFrame(table: Table, choice: VictimChoice, samples: number): number {
    let best = 0;
    let bestScore = Number.NEGATIVE_INFINITY;
    let left = samples;
    for (let draw = 0; draw < samples * DRAWS && left > 0; draw++) {
      const position = this.random() >>> 0;
      const frame = table.frameAt(position);
      if (frame === 0) return 0;
      const score = scoreOf(table.region, frame, choice);
      if (score === Number.NEGATIVE_INFINITY) continue;
      left--;
      if (score <= bestScore) continue;
      bestScore = score;
      best = frame;
      this.position = position;
    }
    return best !== 0 ? best : this.firstFrame(table, choice);
  }

  /** The first frame that has something to evict: chance has not found one. */
  private firstFrame(table: Table, choice: VictimChoice): number {
    for (let position = 0; position < 2 ** 32; ) {
      const frame = table.frameAt(position);
      if (frame === 0) return 0;
      if (scoreOf(table.region, frame, choice) !== Number.NEGATIVE_INFINITY) {
        this.position = position;
        return frame;
      }
      position = table.positionAfter(frame);
    }
    return 0;
  }

  /** Goes through the slots of all buckets, from the last ones or in any order, until it has enough. */
  private collect(region: Region, frame: number, needed: number, choice: VictimChoice): void {
    const { bytes, view, words } = region;
    const buckets = words[(frame >> 2) + FRAME_BUCKETS]! + 1;
    const isRandom = choice.by === BY_CHANCE;
    const start = partOf(SLOTS, this.random());
    const first = partOf(buckets, this.random());
    let freed = 0;
    for (let i = 0; i < SLOTS * buckets && freed < needed && this.count < VICTIMS_MAX; i++) {
      const round = Math.floor(i / buckets);
      const turn = i % buckets;
      const slot = isRandom ? (start + turn + round * STRIDE) % SLOTS : SLOTS - 1 - round;
      const bucket = bucketOffset(frame, (first + turn) % buckets);
      if (fingerprintAt(bytes, bucket, slot) === 0) continue;
      const offset = frame + referenceAt(view, bucket, slot);
      if (choice.expiringOnly && (bytes[offset]! & ENTRY_EXPIRES) === 0) continue;
      this.offsets[this.count++] = offset;
      freed += this.freedBy(region, offset);
    }
  }

  /** Bytes of the log that removing an entry leaves, and those of pages that it frees at once. */
  private freedBy(region: Region, offset: number): number {
    const { entry } = this;
    entry.decode(region, offset);
    const owns = ((this.owningKinds >>> entry.kind) & 1) !== 0;
    return entry.size + (entry.valuePages + (owns ? 1 : 0)) * PAGE_BYTES;
  }

  /** Takes the entries of a frame that expire first. */
  private collectEarliest(region: Region, frame: number, needed: number): void {
    const { found, expiries } = this;
    let left = this.gatherExpiring(region, frame);
    for (let bytes = 0; left > 0; left--) {
      let least = 0;
      for (let i = 1; i < left; i++) if (expiries[i]! < expiries[least]!) least = i;
      this.earliestLeft = expiries[least]!;
      if (bytes >= needed || this.count === VICTIMS_MAX) return;
      const offset = found[least]!;
      this.offsets[this.count++] = offset;
      bytes += this.freedBy(region, offset);
      found[least] = found[left - 1]!;
      expiries[least] = expiries[left - 1]!;
    }
    this.earliestLeft = Number.POSITIVE_INFINITY;
  }

  private gatherExpiring(region: Region, frame: number): number {
    const { entry, found, expiries } = this;
    const buckets = region.words[(frame >> 2) + FRAME_BUCKETS]!;
    let count = 0;
    for (let i = 0; i <= buckets; i++) {
      const bucket = bucketOffset(frame, i);
      for (let slot = 0; slot < SLOTS; slot++) {
        if (fingerprintAt(region.bytes, bucket, slot) === 0) continue;
        const offset = frame + referenceAt(region.view, bucket, slot);
        if ((region.bytes[offset]! & ENTRY_EXPIRES) === 0) continue;
        entry.decode(region, offset);
        found[count] = offset;
        // What never comes (a negative expiry, see base/expiry-time.ts) is last.
        expiries[count++] = entry.expiry > 0 ? entry.expiry : Number.POSITIVE_INFINITY;
      }
    }
    return count;
  }
}

/** The higher, the sooner something of the frame is evicted; -Infinity: it has nothing to evict. */
function scoreOf({ words, view }: Region, frame: number, choice: VictimChoice): number {
  const at = frame >> 2;
  const entries = words[at + (choice.expiringOnly ? FRAME_EXPIRING : FRAME_ENTRIES)]!;
  if (entries === 0) return Number.NEGATIVE_INFINITY;
  if (choice.by === BY_EXPIRY) {
    const earliest = view.getFloat64(frame + FRAME_EXPIRY_BYTE, true);
    return -Math.min(earliest, Number.MAX_VALUE);
  }
  return entries * 2 ** words[at + FRAME_DEPTH]!;
}
