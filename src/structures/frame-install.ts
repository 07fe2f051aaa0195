/**
 * Installs frames from another process (frame-copy.ts) into a table. First `verify` checks
 * everything about the copy as if its sender were hostile: bounds, counts and sums, and of every
 * key its hash, its bucket, its owner and that it occurs once. Then `install` overwrites the
 * table's frame for exactly this range of hashes, which must be empty. If the table has no such
 * frame, it splits empty ones until it has.
 *
 * Under the shard's lock. Both tables hash with the same key.
 */
import { isExpiry } from '../base/expiry-time.js';
import { populatePages } from '../base/page-release.js';
import { copyBytes, equalBytes, type Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { FRAME_BYTES, FRAME_PAGES, PAGE_BYTES, PAGE_SHIFT } from '../memory/space-layout.js';
import { Directory } from './directory.js';
import {
  ENTRY_EXPIRES,
  ENTRY_KEY_RUN,
  ENTRY_VALUE_RUN,
  Entry,
  headerBytes,
  INLINE_LIMIT,
  KEY_INLINE_LIMIT,
  pagesFor,
} from './entry.js';
import {
  BUCKETS_LIMIT,
  DEPTH_MAX,
  FRAME_BUCKETS,
  FRAME_CAPACITY,
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
import { clearGap } from './frame-gap.js';
import { createFirstFrame, split } from './frame-maintenance.js';
import { moveFrame, updateCommittedPages } from './frame-rewrite.js';
import { HashState, hashBytes } from './hash.js';
import {
  bucketOffset,
  displacedMask,
  displacedSlots,
  fingerprintAt,
  referenceAt,
  usedSlots,
} from './slots.js';
import { bitCount, plainSize, referenceIn, sizeInside } from './untrusted-entry.js';

/** Sizes of the entries found so far, by offset. All zero again when a frame is verified. */
const sizes = new Uint16Array(FRAME_BYTES);
/** Whether the last verification stopped early. */
let verificationFailed = false;
const displacedSeen = new Int32Array(BUCKETS_LIMIT + 2);
const hash = new HashState();
const entry = new Entry();
const other = new Entry();
/**
 * For an even and an odd home bucket, by fingerprint: which home had an entry with it. A bucket's
 * entries lie in it and in the next one, so that two homes are open at a time.
 */
const fingerprintStamps = new Int32Array(512);
/** Stamps of this verification are this and the number of the home. */
let stampBase = 0;
const STAMP_BASE_MAX = 1 << 30;

/** Tells which keys may be in a frame: those of the shard that it is said to be of. */
export interface KeyOwner {
  /** @param hashed the key's hash */
  owns(hashed: HashState, region: Region, offset: number, length: number): boolean;
}

/** What the owner of the tables knows about kinds of entries; bit k of a mask stands for kind k. */
export interface ValueVerifier {
  /** The kinds that may come. */
  readonly kinds: number;
  /** Those of them whose bytes `verify` has to see. */
  readonly verifiedKinds: number;
  /** The longest value. */
  readonly valueBytesMax: number;
  /** Whether bytes are a value of this kind. */
  verify(kind: number, region: Region, offset: number, length: number): boolean;
}

/** One entry of a copy, its key and value wherever they lie in the copy. */
export class CopiedEntry {
  kind = 0;
  expiry = 0;
  keyOffset = 0;
  keyLength = 0;
  valueOffset = 0;
  valueLength = 0;
}

/** Where the bytes of a received frame are; callers reuse one. */
export class ReceivedFrame {
  database = 0;
  region!: Region;
  /** The frame: a multiple of 8. */
  offset = 0;
  bytes = 0;
  /** The contents of its runs. */
  runsOffset = 0;
  runsBytes = 0;
}

/** A frame that was received. `verify` comes before anything else. */
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
  /** Where the keys in runs are, by the offset of their entry. */
  private readonly keyRuns = new Map<number, number>();

  constructor(private readonly owner: KeyOwner) {}

  /** Takes a frame to verify. */
  set(frame: ReceivedFrame): void {
    this.region = frame.region;
    this.offset = frame.offset;
    this.bytes = frame.bytes;
    this.runsOffset = frame.runsOffset;
    this.runsBytes = frame.runsBytes;
  }

  /**
   * @param values which kinds of entries may come, and whether their bytes are values
   * @returns what is wrong, or null
   */
  verify(space: Space, values: ValueVerifier): string | null {
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
    this.keyRuns.clear();
    stampBase += BUCKETS_LIMIT + 2;
    if (stampBase > STAMP_BASE_MAX) {
      fingerprintStamps.fill(0);
      stampBase = BUCKETS_LIMIT + 2;
    }
    this.earliest = Number.POSITIVE_INFINITY;
    let runs = 0;
    for (let i = 0; i <= buckets; i++) {
      runs = this.verifyBucket(i, space, values, runs);
      if (runs < 0) return `a frame with a broken entry in bucket ${i}`;
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
    // An entry that was not found lies inside another one.
    if (found !== entries) return 'a frame whose entries overlap';
    if (words[at + FRAME_ENTRIES] !== entries) return 'a frame with a wrong count of entries';
    if (words[at + FRAME_LIVE] !== this.live) return 'a frame with a wrong sum of bytes';
    if (words[at + FRAME_EXPIRING] !== this.expiring)
      return 'a frame with a wrong count of expiries';
    return null;
  }

  /** @returns the bytes of runs so far, or -1 */
  private verifyBucket(
    index: number,
    space: Space,
    values: ValueVerifier,
    runsBefore: number,
  ): number {
    const { region, offset, buckets } = this;
    const { words, bytes } = region;
    const bucket = bucketOffset(offset, index);
    const end = offset + this.bytes;
    const start = logStart(buckets);
    const plainKinds = values.kinds & ~values.verifiedKinds;
    const mask = displacedMask(words, bucket);
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
      const size = plainSize(bytes, at, plainKinds);
      let keyAt = at + (bytes[at + 2]! < 128 ? 3 : 4);
      let keyLength = bytes[at + 1]!;
      if (size > 0 && at + size <= end && sizes[reference] === 0) {
        if (at + size - keyAt - keyLength > values.valueBytesMax) return -1;
        sizes[reference] = size;
        live += size;
      } else {
        runs = this.verifyEntry(reference, values, runs);
        if (runs < 0) return -1;
        keyLength = entry.keyLength;
        keyAt = entry.keyOffset;
        if ((entry.flags & ENTRY_KEY_RUN) !== 0) {
          keyAt = this.runsOffset + before;
          this.keyRuns.set(reference, keyAt);
        }
      }
      const home = index - ((mask >>> slot) & 1);
      if (!this.keyFits(fingerprint, home, keyAt, keyLength, space)) return -1;
      if (
        !this.isFirst(fingerprint, home) &&
        this.occursBefore(index, slot, home, keyAt, keyLength)
      ) {
        return -1;
      }
    }
    this.entries += used;
    this.live += live;
    if ((mask & ~slots) !== 0 || usedSlots(words, bucket) !== used) return -1;
    // Entries of the bucket before the first, or whose home is the overflow bucket, cannot be.
    if (mask !== (index === 0 ? 0 : index === buckets ? slots : mask)) return -1;
    displacedSeen[index] = bitCount(mask);
    return runs;
  }

  /** Whether a key belongs into the frame, at this home and with this fingerprint, by its hash and owner. */
  private keyFits(
    fingerprint: number,
    home: number,
    keyAt: number,
    keyLength: number,
    { hashKey0, hashKey1 }: Space,
  ): boolean {
    const { region, buckets, depth } = this;
    hashBytes(hash, region, keyAt, keyLength, hashKey0, hashKey1);
    if (fingerprint !== fingerprintOf(hash.h2)) return false;
    if (homeOf(hash.h1, depth, buckets) !== home) return false;
    if (depth !== 0 && (hash.h1 ^ this.prefix) >>> (32 - depth) !== 0) return false;
    return this.owner.owns(hash, region, keyAt, keyLength);
  }

  /** Notes a fingerprint. @returns whether no earlier entry of the home has it: then its key is a new one */
  private isFirst(fingerprint: number, home: number): boolean {
    const at = ((home & 1) << 8) | fingerprint;
    const stamp = stampBase + home;
    if (fingerprintStamps[at] === stamp) return false;
    fingerprintStamps[at] = stamp;
    return true;
  }

  /** Whether an earlier slot with the same home has the key. */
  private occursBefore(
    index: number,
    slot: number,
    home: number,
    keyAt: number,
    keyLength: number,
  ): boolean {
    const { region, offset } = this;
    const fingerprint = fingerprintAt(region.bytes, bucketOffset(offset, index), slot);
    for (let i = home; i <= index; i++) {
      const bucket = bucketOffset(offset, i);
      const mask = displacedMask(region.words, bucket);
      const end = i === index ? slot : SLOTS;
      for (let j = 0; j < end; j++) {
        if (fingerprintAt(region.bytes, bucket, j) !== fingerprint) continue;
        if (i - ((mask >>> j) & 1) !== home) continue;
        const reference = referenceIn(region.words, bucket, j);
        other.decode(region, offset + reference);
        if (other.keyLength !== keyLength) continue;
        const otherAt = this.keyRuns.get(reference) ?? other.keyOffset;
        if (equalBytes(region, otherAt, region, keyAt, keyLength)) return true;
      }
    }
    return false;
  }

  /** Verifies an entry of any form. @returns the bytes of runs so far, or -1 */
  private verifyEntry(reference: number, values: ValueVerifier, runsBefore: number): number {
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
    if (((values.kinds >>> entry.kind) & 1) === 0 || valueLength > values.valueBytesMax) return -1;
    if (expires && !isExpiry(expiry)) return -1;
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
    if (((values.verifiedKinds >>> entry.kind) & 1) !== 0) {
      const valueAt = inRun ? this.runsOffset + runs - valueLength : entry.valueOffset;
      if (!values.verify(entry.kind, region, valueAt, valueLength)) return -1;
    }
    sizes[reference] = entry.size;
    this.live += entry.size;
    if (expires) {
      this.expiring++;
      if (expiry > 0 && expiry < this.earliest) this.earliest = expiry;
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
    const capacity = words[at + FRAME_CAPACITY]!;
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
    words[at + FRAME_COMMITTED] = committed;
    words[at + FRAME_CAPACITY] = capacity;
    words[at + FRAME_FLAGS] = 0;
    clearGap(words, frame);
    view.setFloat64(frame + FRAME_EXPIRY_BYTE, this.earliest, true);
    updateCommittedPages(directory, frame);
    directory.publish(frame);
    directory.count(this.entries, this.expiring, this.live + this.runsBytes);
    return true;
  }

  /** The table's empty frame for this range, with room for the copy; 0 when there is none. */
  private emptyFrame(directory: Directory): number {
    const { words } = directory;
    if (directory.frames === 0 && !createFirstFrame(directory)) return 0;
    for (;;) {
      const frame = frameOf(directory.lookup(this.prefix));
      const at = frame >> 2;
      const depth = words[at + FRAME_DEPTH]!;
      if (words[at + FRAME_ENTRIES] !== 0 || depth > this.depth) return 0;
      const needed = depth === this.depth ? pagesFor(this.bytes) : FRAME_PAGES;
      if (words[at + FRAME_CAPACITY]! < needed) {
        if (!moveFrame(directory, frame, needed)) return 0;
        continue;
      }
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
