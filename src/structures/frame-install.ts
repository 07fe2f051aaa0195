/**
 * Installing frames that came from another process (frame-copy.ts) into a table: first everything
 * about the copy that memory depends on is verified, as if its sender wanted to do harm, and of
 * some keys whether they lie where their hash says; then the frame of the table for exactly that
 * range of hashes, which has to be empty, is overwritten with it. Where the table has no such
 * frame, empty ones are split until it has.
 *
 * Under the shard's lock. Both tables must hash with the same key.
 */
import { populatePages } from '../base/page-release.js';
import { copyBytes, type Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { FRAME_BYTES, PAGE_BYTES, PAGE_SHIFT } from '../memory/space-layout.js';
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
  KIND_SHIFT,
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
import { updateCommittedPages } from './frame-rewrite.js';
import { createFirstFrame, split } from './frame-maintenance.js';
import {
  bucketOffset,
  displacedMask,
  displacedSlots,
  fingerprintAt,
  referenceAt,
  usedSlots,
} from './slots.js';

/** What makes an entry's form unusual. */
const FORMS = ENTRY_EXPIRES | ENTRY_KEY_RUN | ENTRY_VALUE_RUN;
/** Sizes of the entries met so far by their place; zero again when a frame was verified. */
const sizes = new Uint16Array(FRAME_BYTES);
/** Whether the last verification stopped early. */
let verificationFailed = false;
const displacedSeen = new Int32Array(BUCKETS_LIMIT + 2);
/** One or two keys of a full bucket. */
const HASH_EVERY = 16;
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

  /**
   * @param hashEvery of each bucket the keys of the first and every so many (a power of two) are
   *   hashed, to see whether
   *   they are where they belong. One that is not can harm nobody: it is not found, that is all.
   */
  constructor(private readonly hashEvery = HASH_EVERY) {}

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
    sizes.fill(0, 0, verificationFailed ? FRAME_BYTES : 0);
    verificationFailed = true;
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
    let runs = 0;
    for (let i = 0; i <= buckets; i++) {
      runs = this.verifyBucket(i, space, kinds, runs);
      if (runs < 0) return `a frame with a verificationFailed entry in bucket ${i}`;
    }
    for (let i = 0; i <= buckets; i++) {
      // What a bucket has displaced lies in the next one.
      const counted = displacedSlots(words, bucketOffset(offset, i));
      if (counted !== (i === buckets ? 0 : displacedSeen[i + 1]))
        return `a frame with a wrong count in bucket ${i}`;
    }
    if (runs !== this.runsBytes) return `a frame with ${this.runsBytes} bytes of runs, not ${runs}`;
    const wrong = this.verifySums();
    verificationFailed = wrong !== null;
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
    const { region, offset, buckets } = this;
    const { words, bytes } = region;
    const bucket = bucketOffset(offset, index);
    const end = offset + this.bytes;
    const start = logStart(buckets);
    let runs = runsBefore;
    let slots = 0;
    let used = 0;
    let live = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      const fingerprint = bytes[bucket + slot]!;
      if (fingerprint === 0) continue;
      const reference = referenceIn(words, bucket, slot);
      const at = offset + reference;
      if (reference < start || at + 3 > end) return -1;
      slots |= 1 << slot;
      used++;
      const before = runs;
      const size = plainSize(bytes, at, kinds);
      if (size > 0 && at + size <= end && sizes[reference] === 0) {
        sizes[reference] = size;
        live += size;
      } else {
        runs = this.verifyEntry(reference, kinds, runs);
        if (runs < 0) return -1;
      }
      if (
        ((used - 1) & (this.hashEvery - 1)) === 0 &&
        !this.hashFits(index, slot, reference, before, space)
      ) {
        return -1;
      }
    }
    this.entries += used;
    this.live += live;
    const mask = displacedMask(words, bucket);
    if ((mask & ~slots) !== 0 || usedSlots(words, bucket) !== used) return -1;
    // Entries of the bucket before the first, or whose home is the overflow bucket, cannot be.
    if (mask !== (index === 0 ? 0 : index === buckets ? slots : mask)) return -1;
    displacedSeen[index] = bitCount(mask);
    return runs;
  }

  /** Whether a slot's entry, verified itself, is where its key's hash belongs. */
  private hashFits(
    index: number,
    slot: number,
    reference: number,
    runs: number,
    space: Space,
  ): boolean {
    const { region, offset, buckets, depth } = this;
    const bucket = bucketOffset(offset, index);
    entry.decode(region, offset + reference);
    const inRun = (entry.flags & ENTRY_KEY_RUN) !== 0;
    const keyAt = inRun ? this.runsOffset + runs : entry.keyOffset;
    hashBytes(hash, region, keyAt, entry.keyLength, space.hashKey0, space.hashKey1);
    const home = index - ((displacedMask(region.words, bucket) >>> slot) & 1);
    if (fingerprintAt(region.bytes, bucket, slot) !== fingerprintOf(hash.h2)) return false;
    if (homeOf(hash.h1, depth, buckets) !== home) return false;
    return depth === 0 || (hash.h1 ^ this.prefix) >>> (32 - depth) === 0;
  }

  /** Verifies an entry of any form. @returns the bytes of runs so far, or -1 */
  private verifyEntry(reference: number, kinds: number, runsBefore: number): number {
    const { region, bytes, offset } = this;
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
    if (keyInRun) {
      runs += keyLength;
      this.runs++;
    }
    if (inRun) {
      if (valueLength < 1) return -1;
      runs += valueLength;
      this.runs++;
    }
    if (runs > this.runsBytes) return -1;
    sizes[reference] = entry.size;
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
    directory.clearMaintenanceMark(frame);
    const reached = (this.bytes + PAGE_BYTES - 1) >>> PAGE_SHIFT;
    if (reached > committed) {
      populatePages(
        space.region,
        frame + (committed << PAGE_SHIFT),
        (reached - committed) << PAGE_SHIFT,
      );
    }
    copyBytes(space.region, frame, this.region, this.offset, this.bytes);
    clearMarks(words, frame);
    words[at + FRAME_COMMITTED] = committed;
    words[at + FRAME_FLAGS] = 0;
    view.setFloat64(frame + FRAME_EXPIRY_BYTE, this.earliest, true);
    updateCommittedPages(directory, frame);
    directory.publish(frame);
    directory.count(this.entries, this.expiring, this.live + this.runsBytes);
    return true;
  }

  private emptyFrame(directory: Directory): number {
    const { words } = directory;
    if (directory.frames === 0 && !createFirstFrame(directory)) return 0;
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

/** Frame-relative offset of a slot's entry: two of them are one word. */
function referenceIn(words: Int32Array, bucket: number, slot: number): number {
  return (words[((bucket + SLOTS) >> 2) + (slot >> 1)]! >>> ((slot & 1) << 4)) & 0xffff;
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/**
 * The size of an entry of the form that nearly all have: no expiry, no run, a key below 128 bytes.
 * 0 for others. Reads four bytes.
 */
function plainSize(bytes: Uint8Array, at: number, kinds: number): number {
  const flags = bytes[at]!;
  const keyLength = bytes[at + 1]!;
  const low = bytes[at + 2]!;
  if ((flags & FORMS) !== 0 || keyLength >= 128) return 0;
  if (((kinds >>> (flags >>> KIND_SHIFT)) & 1) === 0) return 0;
  if (low < 128) return 3 + keyLength + low;
  const high = bytes[at + 3]!;
  if (high === 0 || high >= 63) return 0;
  return 4 + keyLength + (low & 127) + (high << 7);
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
