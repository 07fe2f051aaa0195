/**
 * Verifies a table: every frame, bucket, slot and entry, and all counts and sums. For tests and
 * DEBUG. It reads the whole table.
 */

import type { Space } from '../memory/space.js';
import { FRAME_BYTES, FRAME_PAGES, PAGE_BYTES } from '../memory/space-layout.js';
import { Directory, positionAfter } from './directory.js';
import { ENTRY_KEY_RUN, Entry, INLINE_LIMIT, KEY_INLINE_LIMIT, pagesFor } from './entry.js';
import {
  BUCKETS_LIMIT,
  bucketsOf,
  capacityBytes,
  depthOf,
  FLAG_MAINTENANCE,
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
import { gapBytes, gapStart } from './frame-gap.js';
import { HashState, hashBytes } from './hash.js';
import {
  bucketOffset,
  displacedMask,
  displacedSlots,
  fingerprintAt,
  referenceAt,
  usedSlots,
} from './slots.js';

function expect(actual: number, expected: number, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${actual}, should be ${expected}`);
}

function require(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Sums over the entries of a frame, or of the table. */
interface Sums {
  entries: number;
  live: number;
  expiring: number;
  earliest: number;
  runs: number;
  runPages: number;
  runBytes: number;
}

function noSums(): Sums {
  return {
    entries: 0,
    live: 0,
    expiring: 0,
    earliest: Number.POSITIVE_INFINITY,
    runs: 0,
    runPages: 0,
    runBytes: 0,
  };
}

export function checkTable(space: Space, root: number): void {
  const directory = new Directory(space, root);
  const words = space.words;
  const total = noSums();
  const extents: [number, number][] = [];
  let frames = 0;
  let deepest = 0;
  let waiting = 0;
  let pages = directory.depth === 0 ? 0 : Math.ceil(2 ** directory.depth / (PAGE_BYTES / 4));
  let position = directory.frames === 0 ? 2 ** 32 : 0;
  while (position < 2 ** 32) {
    const frame = frameOf(directory.lookup(position | 0));
    const at = frame >> 2;
    checkReferences(directory, frame, position);
    const sums = new FrameCheck(space, frame, extents).run();
    total.entries += sums.entries;
    total.live += sums.live + sums.runBytes;
    total.expiring += sums.expiring;
    total.runs += sums.runs;
    pages += sums.runPages + words[at + FRAME_COMMITTED]!;
    if (words[at + FRAME_DEPTH] === directory.depth) deepest++;
    if ((words[at + FRAME_FLAGS]! & FLAG_MAINTENANCE) !== 0) waiting++;
    extents.push([frame, frame + capacityBytes(words, frame)]);
    frames++;
    position = positionAfter(words, frame);
  }
  expect(directory.frames, frames, 'table: frames');
  expect(directory.deepest, deepest, 'table: deepest frames');
  expect(directory.waiting, waiting, 'table: frames waiting');
  expect(directory.entries, total.entries, 'table: entries');
  expect(directory.expiring, total.expiring, 'table: expiring entries');
  expect(directory.liveBytes, total.live, 'table: live bytes');
  expect(directory.runs, total.runs, 'table: runs');
  expect(directory.pages, pages, 'table: pages');
  checkExtents(space, extents);
}

/** No two frames or runs overlap, and all lie in the space. */
function checkExtents(space: Space, extents: [number, number][]): void {
  extents.sort((a, b) => a[0] - b[0]);
  let end = PAGE_BYTES;
  for (const [from, to] of extents) {
    require(from >= end, `table: the run at ${from} begins before the end of another, ${end}`);
    end = to;
  }
  require(end <= space.region.length, `table: a run ends at ${end}, outside of the space`);
}

/** Every directory word of the frame's range refers to it. */
function checkReferences(directory: Directory, frame: number, position: number): void {
  const words = directory.words;
  const at = frame >> 2;
  const depth = words[at + FRAME_DEPTH]!;
  const where = `frame at ${frame}`;
  require(frame > 0 && frame % PAGE_BYTES === 0, `${where}: no frame for position ${position}`);
  expect(words[at + FRAME_PREFIX]! >>> 0, position, `${where}: prefix`);
  require(depth >= 0 && depth <= directory.depth, `${where}: depth ${depth}`);
  require(position % 2 ** (32 - depth) === 0, `${where}: prefix ${position} at depth ${depth}`);
  const step = 2 ** (32 - directory.depth);
  for (let p = position; p < positionAfter(words, frame); p += step) {
    const reference = directory.lookup(p | 0);
    expect(frameOf(reference), frame, `${where}: reference of position ${p}`);
    expect(depthOf(reference), depth, `${where}: depth in the reference`);
    expect(bucketsOf(reference), words[at + FRAME_BUCKETS]!, `${where}: buckets in the reference`);
  }
}

class FrameCheck {
  private readonly words: Int32Array;
  private readonly entry = new Entry();
  private readonly hash = new HashState();
  private readonly sums = noSums();
  private readonly depth: number;
  private readonly buckets: number;
  private readonly logExtents: [number, number][] = [];
  /** Entries of each bucket that lie in the next one. */
  private readonly displaced: number[];

  constructor(
    private readonly space: Space,
    private readonly frame: number,
    private readonly extents: [number, number][],
  ) {
    this.words = space.words;
    this.depth = this.header(FRAME_DEPTH);
    this.buckets = this.header(FRAME_BUCKETS);
    this.displaced = new Array(this.buckets + 1).fill(0);
  }

  private header(field: number): number {
    return this.words[(this.frame >> 2) + field]!;
  }

  run(): Sums {
    const where = `frame at ${this.frame}`;
    const { buckets, words, frame, sums } = this;
    require(buckets >= 1 && buckets <= BUCKETS_LIMIT, `${where}: ${buckets} buckets`);
    for (let i = 0; i <= buckets; i++) this.checkBucket(i);
    for (let i = 0; i <= buckets; i++) {
      const counted = displacedSlots(words, bucketOffset(frame, i));
      expect(counted, this.displaced[i]!, `${where}: displaced entries of bucket ${i}`);
    }
    const top = this.header(FRAME_TOP);
    const gap = gapStart(words, frame);
    const gapLength = gapBytes(words, frame);
    if (gapLength > 0) this.logExtents.push([gap, gap + gapLength]);
    this.logExtents.sort((a, b) => a[0] - b[0]);
    let end = logStart(buckets);
    for (const [from, to] of this.logExtents) {
      require(from >= end, `${where}: entry or gap at ${from} begins before ${end}`);
      end = to;
    }
    const capacity = this.header(FRAME_CAPACITY);
    const full = this.depth > 0 || capacity > FRAME_PAGES;
    require(capacity >= 1 && (!full || capacity === FRAME_PAGES), `${where}: ${capacity} pages`);
    require(end <= top && top <= FRAME_BYTES, `${where}: entries to ${end}, top ${top}`);
    const committed = this.header(FRAME_COMMITTED);
    require(committed <= capacity, `${where}: ${committed} of ${capacity} pages committed`);
    require(committed * PAGE_BYTES >= top, `${where}: top ${top} in ${committed} pages`);
    expect(this.header(FRAME_ENTRIES), sums.entries, `${where}: entries`);
    expect(this.header(FRAME_LIVE), sums.live, `${where}: live bytes`);
    expect(this.header(FRAME_EXPIRING), sums.expiring, `${where}: expiring entries`);
    const bound = this.space.region.view.getFloat64(frame + FRAME_EXPIRY_BYTE, true);
    require(bound <= sums.earliest, `${where}: expiry from ${bound}, but one at ${sums.earliest}`);
    if (sums.expiring === 0) {
      expect(bound, Number.POSITIVE_INFINITY, `${where}: expiry without such entries`);
    }
    return sums;
  }

  private checkBucket(index: number): void {
    const { bytes, view } = this.space.region;
    const bucket = bucketOffset(this.frame, index);
    const mask = displacedMask(this.words, bucket);
    let used = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      const fingerprint = fingerprintAt(bytes, bucket, slot);
      const displaced = (mask >>> slot) & 1;
      const where = `frame at ${this.frame}, bucket ${index}, slot ${slot}`;
      if (fingerprint === 0) {
        expect(displaced, 0, `${where}: empty, but displaced`);
        continue;
      }
      used++;
      const home = this.checkEntry(referenceAt(view, bucket, slot), fingerprint, where);
      expect(home, index - displaced, `${where}: home bucket`);
      if (displaced === 1) this.displaced[home]!++;
    }
    expect(usedSlots(this.words, bucket), used, `frame at ${this.frame}, bucket ${index}: used`);
  }

  /** @returns the entry's home bucket */
  private checkEntry(reference: number, fingerprint: number, where: string): number {
    const { entry, hash, space, sums, depth } = this;
    entry.decode(space.region, this.frame + reference);
    const { keyOffset, keyLength, size } = entry;
    hashBytes(hash, space.region, keyOffset, keyLength, space.hashKey0, space.hashKey1);
    expect(fingerprint, fingerprintOf(hash.h2), `${where}: fingerprint`);
    const prefix = depth === 0 ? 0 : (hash.h1 >>> (32 - depth)) << (32 - depth);
    expect(prefix, this.header(FRAME_PREFIX), `${where}: hash prefix`);
    require(size <= INLINE_LIMIT + 8, `${where}: ${size} bytes inline`);
    this.logExtents.push([reference, reference + size]);
    sums.entries++;
    sums.live += size;
    if (entry.expiry !== 0) {
      sums.expiring++;
      if (entry.expiry > 0) sums.earliest = Math.min(sums.earliest, entry.expiry);
    }
    const keyInRun = (entry.flags & ENTRY_KEY_RUN) !== 0;
    require(keyInRun === keyLength > KEY_INLINE_LIMIT, `${where}: key of ${keyLength} bytes`);
    if (keyInRun) this.countRun(keyOffset, pagesFor(keyLength), keyLength);
    if (entry.valuePages > 0) {
      require(entry.valuePages >= pagesFor(entry.valueLength), `${where}: the run is too short`);
      this.countRun(entry.valueOffset, entry.valuePages, entry.valueLength);
    }
    return homeOf(hash.h1, depth, this.buckets);
  }

  private countRun(offset: number, pages: number, bytes: number): void {
    this.sums.runs++;
    this.sums.runPages += pages;
    this.sums.runBytes += bytes;
    this.extents.push([offset, offset + pages * PAGE_BYTES]);
  }
}
