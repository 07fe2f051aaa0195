/**
 * Installing frames that came from another process (frame-copy.ts) into a table: first everything
 * about the copy is verified, as if its sender wanted to do harm; then the frame of the table for
 * exactly that range of hashes, which has to be empty, is overwritten with it. Where the table has
 * no such frame, empty ones are split until it has.
 *
 * Under the shard's lock. Both tables must hash with the same key.
 */
import { copyBytes, type Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { FRAME_BYTES, PAGE_SHIFT } from '../memory/space-layout.js';
import { Directory } from './directory.js';
import {
  ENTRY_EXPIRES,
  ENTRY_KEY_RUN,
  ENTRY_VALUE_RUN,
  Entry,
  EXPIRY_BYTES,
  headerBytes,
  INLINE_LIMIT,
  KEY_INLINE_LIMIT,
  KEY_RUN_BYTES,
  pagesFor,
  readVarint,
  VALUE_RUN_BYTES,
  varintBytes,
} from './entry.js';
import {
  BUCKETS_LIMIT,
  clearMarks,
  DEPTH_MAX,
  FRAME_BUCKETS,
  FRAME_COMMITTED,
  FRAME_DEPTH,
  FRAME_ENTRIES,
  FRAME_EXPIRING,
  FRAME_EXPIRY_BYTE,
  FRAME_FLAGS,
  FRAME_LIVE,
  FRAME_PREFIX,
  FRAME_TOP,
  fingerprintOf,
  frameOf,
  homeOf,
  logStart,
  SLOTS,
} from './frame.js';
import { HashState, hashBytes } from './hash.js';
import { settle } from './pour.js';
import { firstFrame, split } from './reorganise.js';
import {
  bucketOffset,
  displacedMask,
  displacedSlots,
  fingerprintAt,
  referenceAt,
  usedSlots,
} from './slots.js';

/** Sizes of the entries met so far by their place; zero again when a frame was verified. */
const sizes = new Uint16Array(FRAME_BYTES);
/** Whether the last verification stopped early. */
let broken = false;
const displacedSeen = new Int32Array(BUCKETS_LIMIT + 2);
const hash = new HashState();
const entry = new Entry();

/** One entry of a copy, its key and value wherever they lie in the copy. */
export class CopiedEntry {
  kind = 0;
  expiry = 0;
  keyOffset = 0;
  keyLength = 0;
  valueOffset = 0;
  valueLength = 0;
}

/**
 * A frame as it came: `bytes` of frame at `offset` (a multiple of 8), the contents of its runs at
 * `runsOffset`. `verify` before anything else.
 */
export class FrameCopy {
  private region!: Region;
  private offset = 0;
  private bytes = 0;
  private runsOffset = 0;
  private runsBytes = 0;
  prefix = 0;
  depth = 0;
  private buckets = 0;
  entries = 0;
  private expiring = 0;
  private live = 0;
  private earliest = 0;
  private runs = 0;

  set(region: Region, offset: number, bytes: number, runsOffset: number, runsBytes: number): void {
    this.region = region;
    this.offset = offset;
    this.bytes = bytes;
    this.runsOffset = runsOffset;
    this.runsBytes = runsBytes;
  }

  /**
   * @param kinds bit k is set when entries of kind k may come
   * @returns what is wrong, or null
   */
  verify(space: Space, kinds: number): string | null {
    const { region, offset, bytes } = this;
    if (bytes < logStart(1) || bytes > FRAME_BYTES) return `a frame of ${bytes} bytes`;
    const at = offset >> 2;
    const words = region.words;
    this.prefix = words[at + FRAME_PREFIX]!;
    this.depth = words[at + FRAME_DEPTH]!;
    this.buckets = words[at + FRAME_BUCKETS]!;
    sizes.fill(0, 0, broken ? FRAME_BYTES : 0);
    broken = true;
    const { depth, buckets } = this;
    if (depth < 0 || depth > DEPTH_MAX) return `a frame of depth ${depth}`;
    if ((depth === 0 ? this.prefix : (this.prefix << depth) | 0) !== 0)
      return 'a frame at no border';
    if (buckets < 1 || buckets > BUCKETS_LIMIT) return `a frame of ${buckets} buckets`;
    if (words[at + FRAME_TOP] !== bytes) return 'a frame of another length than it says';
    if (logStart(buckets) > bytes) return 'a frame with its buckets cut off';
    this.entries = 0;
    this.expiring = 0;
    this.live = 0;
    this.runs = 0;
    this.earliest = Number.POSITIVE_INFINITY;
    displacedSeen.fill(0, 0, buckets + 1);
    let runs = 0;
    for (let i = 0; i <= buckets; i++) {
      runs = this.verifyBucket(i, space, kinds, runs);
      if (runs < 0) return `a frame with a broken entry in bucket ${i}`;
    }
    for (let i = 0; i <= buckets; i++) {
      const counted = displacedSlots(words, bucketOffset(offset, i));
      if (counted !== displacedSeen[i]) return `a frame with a wrong count in bucket ${i}`;
    }
    if (runs !== this.runsBytes) return `a frame with ${this.runsBytes} bytes of runs, not ${runs}`;
    const wrong = this.verifySums();
    broken = wrong !== null;
    return wrong;
  }

  private verifySums(): string | null {
    const { region, offset, bytes, entries } = this;
    const at = offset >> 2;
    const words = region.words;
    let found = 0;
    for (let reference = logStart(this.buckets); reference < bytes; ) {
      const size = sizes[reference]!;
      sizes[reference] = 0;
      reference += size === 0 ? 1 : size;
      if (size !== 0) found++;
    }
    // Those not met lie inside of others; whoever sent that sees its link closed.
    if (found !== entries) return 'a frame whose entries overlap';
    if (words[at + FRAME_ENTRIES] !== entries) return 'a frame with a wrong count of entries';
    if (words[at + FRAME_LIVE] !== this.live) return 'a frame with a wrong sum of bytes';
    if (words[at + FRAME_EXPIRING] !== this.expiring)
      return 'a frame with a wrong count of expiries';
    return null;
  }

  /** @returns the bytes of runs so far, or -1 */
  private verifyBucket(index: number, space: Space, kinds: number, runsBefore: number): number {
    const { region, offset, buckets, depth } = this;
    const { words, view } = region;
    const bucket = bucketOffset(offset, index);
    const mask = displacedMask(words, bucket);
    let runs = runsBefore;
    let used = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      const fingerprint = fingerprintAt(region.bytes, bucket, slot);
      const displaced = (mask >>> slot) & 1;
      if (fingerprint === 0) {
        if (displaced !== 0) return -1;
        continue;
      }
      used++;
      runs = this.verifyEntry(referenceAt(view, bucket, slot), kinds, runs, space);
      if (runs < 0) return -1;
      const home = index - displaced;
      if (fingerprint !== fingerprintOf(hash.h2) || home < 0 || home >= buckets) return -1;
      if (homeOf(hash.h1, depth, buckets) !== home) return -1;
      if (depth > 0 && (hash.h1 ^ this.prefix) >>> (32 - depth) !== 0) return -1;
      displacedSeen[home]! += displaced;
    }
    return usedSlots(words, bucket) === used ? runs : -1;
  }

  /** Verifies one entry and hashes its key. @returns the bytes of runs so far, or -1 */
  private verifyEntry(reference: number, kinds: number, runsBefore: number, space: Space): number {
    const { region, bytes, buckets, offset } = this;
    if (reference < logStart(buckets)) return -1;
    const at = offset + reference;
    if (!sizeInside(region, at, offset + bytes) || sizes[reference] !== 0) return -1;
    const flags = region.bytes[at]!;
    entry.decode(region, at);
    const { keyLength, valueLength, expiry } = entry;
    const keyInRun = (flags & ENTRY_KEY_RUN) !== 0;
    const inRun = (flags & ENTRY_VALUE_RUN) !== 0;
    if (keyInRun !== keyLength > KEY_INLINE_LIMIT) return -1;
    const expires = (flags & ENTRY_EXPIRES) !== 0;
    if (entry.header !== headerBytes(keyLength, valueLength, expires)) return -1;
    if (entry.size > INLINE_LIMIT + 8) return -1;
    if (((kinds >>> entry.kind) & 1) === 0) return -1;
    if (expires && !(expiry > 0 && expiry < Number.MAX_SAFE_INTEGER)) return -1;
    let runs = runsBefore;
    let keyAt = entry.keyOffset;
    if (keyInRun) {
      keyAt = this.runsOffset + runs;
      runs += keyLength;
      this.runs++;
    }
    if (inRun) {
      if (valueLength < 1) return -1;
      runs += valueLength;
      this.runs++;
    }
    if (runs > this.runsBytes) return -1;
    hashBytes(hash, region, keyAt, keyLength, space.hashKey0, space.hashKey1);
    sizes[reference] = entry.size;
    this.entries++;
    this.live += entry.size;
    if (expires) {
      this.expiring++;
      if (expiry < this.earliest) this.earliest = expiry;
    }
    return runs;
  }

  /**
   * Overwrites the table's frame for this range with a verified copy.
   * @returns false when the table has no empty frame of that range, or there is no room: nothing
   *   has changed then but for splits, and the entries can be put one by one
   */
  install(space: Space, root: number): boolean {
    const directory = new Directory(space, root);
    const frame = this.emptyFrame(directory);
    if (frame === 0) return false;
    const { words, view } = space.region;
    const at = frame >> 2;
    if (this.runs > 0 && !this.placeRuns(directory)) return false;
    const committed = words[at + FRAME_COMMITTED]!;
    directory.unmark(frame);
    copyBytes(space.region, frame, this.region, this.offset, this.bytes);
    clearMarks(words, frame);
    words[at + FRAME_COMMITTED] = committed;
    words[at + FRAME_FLAGS] = 0;
    view.setFloat64(frame + FRAME_EXPIRY_BYTE, this.earliest, true);
    settle(directory, frame);
    directory.publish(frame);
    directory.count(this.entries, this.expiring, this.live + this.runsBytes);
    return true;
  }

  private emptyFrame(directory: Directory): number {
    const { words } = directory;
    if (directory.frames === 0 && !firstFrame(directory)) return 0;
    for (;;) {
      const frame = frameOf(directory.lookup(this.prefix));
      const at = frame >> 2;
      const depth = words[at + FRAME_DEPTH]!;
      if (words[at + FRAME_ENTRIES] !== 0 || depth > this.depth) return 0;
      if (depth === this.depth) return frame;
      if (!split(directory, frame)) return 0;
    }
  }

  /** Allocates the runs and writes their places into the copy. All or nothing. */
  private placeRuns(directory: Directory): boolean {
    const { region, runsOffset } = this;
    const taken: number[] = [];
    let at = runsOffset;
    const place = (length: number): number => {
      const pages = pagesFor(length);
      const run = directory.allocateRun(pages);
      if (run === 0) return 0;
      taken.push(run, pages);
      copyBytes(directory.region, run, region, at, length);
      at += length;
      return run;
    };
    const done = this.eachRun((keyAt, keyLength, valueAt, valueLength) => {
      if (keyAt >= 0) {
        const run = place(keyLength);
        if (run === 0) return false;
        region.view.setInt32(keyAt, run >>> PAGE_SHIFT, true);
      }
      if (valueAt >= 0) {
        const run = place(valueLength);
        if (run === 0) return false;
        region.view.setInt32(valueAt, run >>> PAGE_SHIFT, true);
        region.view.setInt32(valueAt + 4, pagesFor(valueLength), true);
      }
      return true;
    });
    if (!done)
      for (let i = 0; i < taken.length; i += 2) directory.freeRun(taken[i]!, taken[i + 1]!);
    return done;
  }

  /** Calls with where each entry's references to runs are, -1 for none, while it returns true. */
  private eachRun(
    use: (keyAt: number, keyLength: number, valueAt: number, valueLength: number) => boolean,
  ): boolean {
    return this.eachSlot(() => {
      const key = (entry.flags & ENTRY_KEY_RUN) !== 0;
      const value = (entry.flags & ENTRY_VALUE_RUN) !== 0;
      if (!key && !value) return true;
      const body = entry.offset + entry.header;
      return use(
        key ? body : -1,
        entry.keyLength,
        value ? body + entry.keyPart : -1,
        entry.valueLength,
      );
    });
  }

  private eachSlot(use: () => boolean): boolean {
    const { region, offset, buckets } = this;
    for (let i = 0; i <= buckets; i++) {
      const bucket = bucketOffset(offset, i);
      for (let slot = 0; slot < SLOTS; slot++) {
        if (fingerprintAt(region.bytes, bucket, slot) === 0) continue;
        entry.decode(region, offset + referenceAt(region.view, bucket, slot));
        if (!use()) return false;
      }
    }
    return true;
  }

  /** Every entry of a verified copy, while `use` returns true. */
  eachEntry(use: (copied: CopiedEntry) => boolean): boolean {
    const copied = new CopiedEntry();
    let run = this.runsOffset;
    return this.eachSlot(() => {
      copied.kind = entry.kind;
      copied.expiry = entry.expiry;
      copied.keyLength = entry.keyLength;
      copied.valueLength = entry.valueLength;
      copied.keyOffset = entry.keyOffset;
      copied.valueOffset = entry.valueOffset;
      if ((entry.flags & ENTRY_KEY_RUN) !== 0) {
        copied.keyOffset = run;
        run += entry.keyLength;
      }
      if ((entry.flags & ENTRY_VALUE_RUN) !== 0) {
        copied.valueOffset = run;
        run += entry.valueLength;
      }
      return use(copied);
    });
  }
}

/** No key or value is longer. */
const LENGTH_MAX = 0x2000_0000;

/** Whether the entry at `offset` ends before `end`, as far as it says; reads nothing beyond. */
function sizeInside(region: Region, offset: number, end: number): boolean {
  let at = offset + 1;
  for (let i = 0; i < 2; i++) {
    const first = at;
    while (at < end && region.bytes[at]! >= 128) at++;
    if (at >= end || at - first > 4) return false;
    at++;
  }
  const flags = region.bytes[offset]!;
  const keyLength = readVarint(region, offset + 1);
  const valueLength = readVarint(region, offset + 1 + varintBytes(keyLength));
  if (keyLength < 0 || valueLength < 0 || keyLength > LENGTH_MAX || valueLength > LENGTH_MAX) {
    return false;
  }
  if ((flags & ENTRY_EXPIRES) !== 0) at += EXPIRY_BYTES;
  at += (flags & ENTRY_KEY_RUN) !== 0 ? KEY_RUN_BYTES : keyLength;
  at += (flags & ENTRY_VALUE_RUN) !== 0 ? VALUE_RUN_BYTES : valueLength;
  return at <= end;
}
