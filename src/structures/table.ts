/**
 * A table: byte strings to byte strings with a kind and an optional expiry, as an extendible hash
 * of frames (Fagin, Nievergelt, Pippenger, Strong, 1979; frames after Dash, see slots.ts).
 *
 *   root ──▶ directory ──▶ frame: header │ buckets of 20 slots │ log of entries ▸ … untouched pages
 *
 * All data lies in the space. A Table object is one thread's view of it, with the result of the
 * last lookup. All methods are called under the shard's lock. Offsets of entries and values stay
 * valid until the next put, resize, setExpiry or maintain on the table, which may move entries.
 * remove and setKind never move any. After a find that returned false the fields have no meaning.
 *
 * table-reader.ts looks up, table-writer.ts changes entries, table-filler.ts puts many new ones, this file
 * iterates over many. A hash position is the first word of the hash, unsigned: 0 to 2^32.
 */
import { partOf } from '../base/random.js';
import { positionAfter } from './directory.js';
import { ENTRY_KEY_RUN, pagesFor } from './entry.js';
import {
  BUCKET_BYTES,
  BUCKETS_MAX,
  bucketsOf,
  depthOf,
  FLAG_MAINTENANCE,
  FRAME_BUCKETS,
  FRAME_DEPTH,
  FRAME_ENTRIES,
  FRAME_EXPIRY_BYTE,
  FRAME_FLAGS,
  FRAME_PREFIX,
  frameOf,
  homeOf,
  SLOTS,
} from './frame.js';
import { compactOrMerge } from './frame-maintenance.js';
import { bucketOffset, displacedMask, fingerprintAt, referenceAt } from './slots.js';
import { checkTable } from './table-check.js';
import { TableFiller } from './table-filler.js';

/** The position that means the end of a scan. */
export const SCAN_END = 2 ** 32;
/** The entries whose home is one bucket lie in it and in the next one. */
const BUCKET_ENTRIES = 2 * SLOTS;
const SCAN_MAX = 128;
/** Frames without expired entries that one scanExpired steps over. */
const EXPIRY_STEPS = 64;
/** Frames that `maintain` visits for each one that it may compact or merge. */
const LOOKS_PER_FRAME = 32;
/** How often random() tries to hit a slot in use before it takes the next entry. */
const RANDOM_TRIES = 256;
/** Up to this depth of the directory random() looks at all frames for the one with the most buckets. */
const COUNTED_DEPTH = 6;

export class Table extends TableFiller {
  /** Offsets of the entries of the last scan. */
  readonly scanOffsets = new Int32Array(SCAN_MAX);
  scanCount = 0;

  /** The frame for this hash position, 0 when the table has none. */
  frameAt(position: number): number {
    return frameOf(this.directory.lookup(position | 0));
  }

  /** The position after a frame's range: where the next frame begins, or SCAN_END. */
  positionAfter(frame: number): number {
    return positionAfter(this.words, frame);
  }

  /**
   * Collects the entries of the bucket whose hash range contains this position. A scan sees every
   * entry that exists from its start to its end at least once, whatever happens in between, because
   * buckets lie in the order of hashes, however many there are.
   * @returns the position to continue with; SCAN_END after the last bucket
   */
  scan(position: number): number {
    this.scanCount = 0;
    const frame = this.frameAt(position);
    if (frame === 0 || position >= SCAN_END) return SCAN_END;
    const at = frame >> 2;
    const buckets = this.words[at + FRAME_BUCKETS]!;
    const depth = this.words[at + FRAME_DEPTH]!;
    const home = homeOf(position | 0, depth, buckets);
    this.collect(frame, home);
    return this.bucketEnd(frame, home);
  }

  /** Appends the entries whose home this bucket is to scanOffsets. */
  private collect(frame: number, home: number): void {
    const { words, bytes, view, scanOffsets } = this;
    let bucket = bucketOffset(frame, home);
    let mask = ~displacedMask(words, bucket);
    for (let side = 0; side < 2; side++) {
      for (let slot = 0; slot < SLOTS; slot++) {
        if (((mask >>> slot) & 1) === 0 || fingerprintAt(bytes, bucket, slot) === 0) continue;
        scanOffsets[this.scanCount++] = frame + referenceAt(view, bucket, slot);
      }
      bucket += BUCKET_BYTES;
      mask = displacedMask(words, bucket);
    }
  }

  /** The first position whose home is after this bucket. */
  private bucketEnd(frame: number, home: number): number {
    const at = frame >> 2;
    const buckets = this.words[at + FRAME_BUCKETS]!;
    const depth = this.words[at + FRAME_DEPTH]!;
    if (home + 1 >= buckets) return positionAfter(this.words, frame);
    const first = Math.ceil(((home + 1) * 65536) / buckets);
    const prefix = this.words[at + FRAME_PREFIX]! >>> 0;
    return Math.min(
      prefix + Math.ceil(first * 2 ** (16 - depth)),
      positionAfter(this.words, frame),
    );
  }

  /**
   * Looks for expired entries from a position on. Skips frames that have none, and collects the
   * expired entries of one or more buckets of one frame in scanOffsets.
   * @returns the position to continue with; SCAN_END at the end
   */
  scanExpired(position: number, now: number): number {
    this.scanCount = 0;
    let at = position;
    for (let step = 0; step < EXPIRY_STEPS && at < SCAN_END; step++) {
      const frame = this.frameAt(at);
      if (frame === 0) return SCAN_END;
      if (this.view.getFloat64(frame + FRAME_EXPIRY_BYTE, true) <= now) {
        return this.collectExpired(frame, at, now);
      }
      at = positionAfter(this.words, frame);
    }
    return at;
  }

  private collectExpired(frame: number, position: number, now: number): number {
    const { words, entry, region, scanOffsets } = this;
    const at = frame >> 2;
    const buckets = words[at + FRAME_BUCKETS]!;
    const first = homeOf(position | 0, words[at + FRAME_DEPTH]!, buckets);
    let earliest = Number.POSITIVE_INFINITY;
    for (let home = first; home < buckets; home++) {
      let kept = this.scanCount;
      if (kept + BUCKET_ENTRIES > SCAN_MAX) return this.bucketEnd(frame, home - 1);
      this.collect(frame, home);
      for (let i = kept; i < this.scanCount; i++) {
        entry.decode(region, scanOffsets[i]!);
        if (entry.expiry <= 0) continue;
        if (entry.expiry < earliest) earliest = entry.expiry;
        if (entry.expiry <= now) scanOffsets[kept++] = scanOffsets[i]!;
      }
      this.scanCount = kept;
    }
    // The bound includes the expired entries: the caller may leave them for the next time.
    if (first === 0) this.view.setFloat64(frame + FRAME_EXPIRY_BYTE, earliest, true);
    return positionAfter(words, frame);
  }

  /** A lower bound of all expiries, Infinity when nothing expires. Looks at every frame. */
  earliestExpiry(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (let position = 0; position < SCAN_END; ) {
      const frame = this.frameAt(position);
      if (frame === 0) break;
      earliest = Math.min(earliest, this.view.getFloat64(frame + FRAME_EXPIRY_BYTE, true));
      position = positionAfter(this.words, frame);
    }
    return earliest;
  }

  /**
   * A random entry, every one as likely as the others. Frames have more or fewer buckets for their share
   * of the hashes. So a bucket is drawn from as many as any frame has for such a share; a number beyond
   * those that this frame has is a miss, like a slot that is not in use.
   * @param random gives 32 random bits, signed
   * @returns its offset, or 0 when the table is empty
   */
  random(random: () => number): number {
    if (this.size === 0) return 0;
    const most = this.bucketsAtMost();
    for (let i = 0; i < RANDOM_TRIES; i++) {
      const reference = this.directory.lookup(random());
      const buckets = bucketsOf(reference) + 1;
      const drawn = partOf(most, random()) >>> depthOf(reference);
      if (drawn >= buckets) continue;
      const frame = frameOf(reference);
      const bucket = bucketOffset(frame, drawn);
      const slot = partOf(SLOTS, random());
      if (fingerprintAt(this.bytes, bucket, slot) !== 0) {
        return frame + referenceAt(this.view, bucket, slot);
      }
    }
    return this.entryFrom(random() >>> 0);
  }

  /** The most buckets, the one for displaced entries included, of a frame if it had all hashes. */
  private bucketsAtMost(): number {
    const { depth } = this.directory;
    if (depth > COUNTED_DEPTH) return (BUCKETS_MAX + 1) * 2 ** depth;
    let most = 0;
    for (let i = 0; i < 1 << depth; i++) {
      const reference = this.directory.lookup((i * 2 ** (32 - depth)) | 0);
      most = Math.max(most, (bucketsOf(reference) + 1) << depthOf(reference));
    }
    return most;
  }

  /** The first entry at or after a position, wrapping at the end. The table is not empty. */
  private entryFrom(position: number): number {
    let at = position;
    while (true) {
      if (at >= SCAN_END) at = 0;
      const frame = this.frameAt(at);
      const full = this.words[(frame >> 2) + FRAME_ENTRIES]! > 0;
      const next = full ? this.scan(at) : positionAfter(this.words, frame);
      if (full && this.scanCount > 0) return this.scanOffsets[0]!;
      at = next;
    }
  }

  /** Frees everything. */
  clear(): void {
    const { directory, words } = this;
    this.found = false;
    let position = directory.frames === 0 ? SCAN_END : 0;
    while (position < SCAN_END) {
      const frame = this.frameAt(position);
      position = positionAfter(words, frame);
      if (directory.runs > 0) this.freeRunsOf(frame);
      directory.freeFrame(frame);
    }
    directory.release();
    this.space.trim();
  }

  private freeRunsOf(frame: number): void {
    const { directory, entry, region, view, bytes } = this;
    const buckets = this.words[(frame >> 2) + FRAME_BUCKETS]!;
    for (let i = 0; i <= buckets; i++) {
      const bucket = bucketOffset(frame, i);
      for (let slot = 0; slot < SLOTS; slot++) {
        if (fingerprintAt(bytes, bucket, slot) === 0) continue;
        entry.decode(region, frame + referenceAt(view, bucket, slot));
        if ((entry.flags & ENTRY_KEY_RUN) !== 0) {
          directory.freeRun(entry.keyOffset, pagesFor(entry.keyLength));
        }
        if (entry.valuePages > 0) directory.freeRun(entry.valueOffset, entry.valuePages);
      }
    }
  }

  /** Makes the table empty without freeing anything; for a space that was reset. */
  forget(): void {
    this.directory.forget();
    this.found = false;
  }

  /**
   * Background work: compacts and merges up to this many sparse frames, and releases pages.
   * @returns how many frames are still marked for maintenance
   */
  maintain(budgetFrames: number): number {
    const { directory, words } = this;
    this.found = false;
    if (directory.waiting === 0) return 0;
    if (directory.entries === 0) {
      this.clear();
      return 0;
    }
    let position = directory.cursor >>> 0;
    let left = budgetFrames;
    for (let looks = budgetFrames * LOOKS_PER_FRAME; looks > 0 && left > 0; looks--) {
      const frame = this.frameAt(position);
      if ((words[(frame >> 2) + FRAME_FLAGS]! & FLAG_MAINTENANCE) !== 0) {
        compactOrMerge(directory, frame);
        left--;
        if (directory.waiting === 0) break;
      }
      // A merge may have replaced the frame at this position.
      position = positionAfter(words, this.frameAt(position));
      if (position >= SCAN_END) position = 0;
    }
    directory.cursor = position | 0;
    if (directory.waiting === 0) this.space.trim();
    return directory.waiting;
  }

  /** Compacts the frame for this position or merges it, at once. Entries move. */
  compactFrame(position: number): void {
    this.found = false;
    if (this.directory.entries === 0) this.clear();
    else compactOrMerge(this.directory, this.frameAt(position));
  }

  /** Verifies every invariant of the table and its accounting. @throws when one is broken */
  check(): void {
    checkTable(this.space, this.root);
  }
}
