/**
 * Space in frames: what a write does with a full frame, and what maintenance does with sparse ones.
 *
 *   full: a quarter of its log is garbage        compact in place
 *   full: shorter than 64 KiB                    move to a longer run
 *   full: buckets overflow, bytes are left       add buckets, the log stays
 *   full: otherwise                              split in two by the next bit of the hash
 *   sparse, and so is its buddy                  merge both
 *   sparse                                       compact
 *   sparse, the only one                         move to a shorter run as well
 *
 * All of these move entries, so offsets into the frame become invalid. All functions are called
 * under the lock of the frame's shard.
 */
import { FRAME_BYTES, FRAME_PAGES, PAGE_SHIFT } from '../memory/space-layout.js';
import type { Directory } from './directory.js';
import { pagesFor } from './entry.js';
import {
  BUCKET_BYTES,
  BUCKETS_LIMIT,
  BUCKETS_MAX,
  bucketsFor,
  capacityBytes,
  DEPTH_MAX,
  FRAME_BUCKETS,
  FRAME_CAPACITY,
  FRAME_COMMITTED,
  FRAME_DEPTH,
  FRAME_ENTRIES,
  FRAME_LIVE,
  FRAME_PREFIX,
  FRAME_PROVEN,
  FRAME_TOP,
  formatFrame,
  frameOf,
  logStart,
} from './frame.js';
import {
  addBuckets,
  compact,
  copyToScratch,
  moveFrame,
  reinsertEntries,
  releaseUnusedPages,
  restoreFromScratch,
  updateCommittedPages,
} from './frame-rewrite.js';

/** Buckets of the first frame of a table. */
const FIRST_BUCKETS = 2;
/** A frame gets more buckets only when this much of it stays for entries. Otherwise it is split. */
const ROOM_LEFT_BYTES = FRAME_BYTES / 16;
/** Less garbage than this is not worth maintenance. */
const GARBAGE_WORTH_BYTES = 4096;
/** Buddies are merged when their content fills less than this. */
const MERGE_BYTES = FRAME_BYTES / 2;

/** Creates the first frame of an empty table. @returns false when the space is full */
export function createFirstFrame(directory: Directory): boolean {
  const frame = directory.allocateFrame(1);
  if (frame === 0) return false;
  formatFrame(directory.words, frame, 0, 0, FIRST_BUCKETS);
  directory.countDeepest(1);
  updateCommittedPages(directory, frame);
  directory.publish(frame);
  return true;
}

/** Bytes of a frame's log that no slot refers to. */
export function garbageOf(words: Int32Array, frame: number): number {
  const at = frame >> 2;
  return words[at + FRAME_TOP]! - logStart(words[at + FRAME_BUCKETS]!) - words[at + FRAME_LIVE]!;
}

/** Marks a frame for maintenance when less than half of its log is live, or it is empty. */
export function markSparse(directory: Directory, frame: number): void {
  const words = directory.words;
  const at = frame >> 2;
  const garbage = garbageOf(words, frame);
  const sparse = garbage >= GARBAGE_WORTH_BYTES && garbage > words[at + FRAME_LIVE]!;
  if (sparse || words[at + FRAME_ENTRIES] === 0) directory.markForMaintenance(frame);
}

/**
 * Whether a frame needs `makeSpace` before `bytes` are appended to its log: the log would be too
 * long, or it would reach a new page while a quarter of it is garbage. The second condition bounds
 * the garbage of values that keep changing their length to a third of the live bytes.
 */
export function needsSpace(words: Int32Array, frame: number, bytes: number): boolean {
  const at = frame >> 2;
  const top = words[at + FRAME_TOP]! + bytes;
  if (top <= words[at + FRAME_COMMITTED]! << PAGE_SHIFT) return false;
  if (top > capacityBytes(words, frame)) return true;
  const garbage = garbageOf(words, frame);
  return garbage >= GARBAGE_WORTH_BYTES && isGarbageHigh(garbage, words[at + FRAME_LIVE]!);
}

function isGarbageHigh(garbage: number, live: number): boolean {
  return garbage > 0 && garbage * 4 >= garbage + live;
}

/**
 * Makes space in a full frame by one step. The caller checks again and repeats.
 * @param bytes that are to be appended
 * @param slots whether the buckets are full, not the log
 * @returns false when the space has no memory for a split and nothing else helps
 */
export function makeSpace(
  directory: Directory,
  frame: number,
  bytes: number,
  slots: boolean,
): boolean {
  const words = directory.words;
  const at = frame >> 2;
  const buckets = words[at + FRAME_BUCKETS]!;
  const live = words[at + FRAME_LIVE]!;
  const garbage = garbageOf(words, frame);
  if (!slots && isGarbageHigh(garbage, live)) return rebuild(directory, frame, buckets);
  if (slots && addSlots(directory, frame, bytes)) return true;
  if (words[at + FRAME_CAPACITY]! < FRAME_PAGES) {
    if (growFrame(directory, frame, words[at + FRAME_TOP]! + bytes)) return true;
  } else if (split(directory, frame)) return true;
  if (garbage >= bytes && !slots) return rebuild(directory, frame, buckets);
  return false;
}

/**
 * Gives the only frame of a table a longer run: half as long again, or as long as it must be.
 * @returns false when the space is full
 */
function growFrame(directory: Directory, frame: number, bytes: number): boolean {
  const before = directory.words[(frame >> 2) + FRAME_CAPACITY]!;
  const least = Math.min(Math.max(pagesFor(bytes), before + 1), FRAME_PAGES);
  const wanted = Math.min(Math.max(before + (before >> 1), least), FRAME_PAGES);
  if (moveFrame(directory, frame, wanted)) return true;
  return wanted > least && moveFrame(directory, frame, least);
}

/** Gives a frame whose slots are full more buckets. @returns false when it has no room for them */
function addSlots(directory: Directory, frame: number, bytes: number): boolean {
  const words = directory.words;
  const at = frame >> 2;
  const buckets = words[at + FRAME_BUCKETS]!;
  const live = words[at + FRAME_LIVE]!;
  const capacity = capacityBytes(words, frame);
  if (buckets < BUCKETS_MAX) {
    const wanted = Math.max(preferredBuckets(words, frame, bytes), buckets + 1 + (buckets >> 3));
    const more = Math.min(wanted, BUCKETS_MAX);
    const roomLeft = Math.min(ROOM_LEFT_BYTES, capacity >> 4);
    if (logStart(more) + live + bytes + roomLeft <= capacity) {
      const garbage = garbageOf(words, frame);
      if (!isGarbageHigh(garbage, live) && addBuckets(directory, frame, more)) return true;
      if (rebuild(directory, frame, more)) return true;
    }
  }
  return false;
}

/** How many buckets suit the frame with one more entry of `bytes`. */
function preferredBuckets(words: Int32Array, frame: number, bytes: number): number {
  const at = frame >> 2;
  const live = words[at + FRAME_LIVE]! + bytes;
  const room = Math.floor((capacityBytes(words, frame) - logStart(0) - live) / BUCKET_BYTES);
  const suited = bucketsFor(words[at + FRAME_ENTRIES]! + 1, live);
  return Math.max(Math.min(suited, room), Math.min(words[at + FRAME_BUCKETS]!, 2));
}

/**
 * Compacts a frame, with this many buckets or the nearest number above that holds its entries.
 * @returns false when no number does; the frame is then unchanged
 */
export function rebuild(directory: Directory, frame: number, wanted: number): boolean {
  const { region, words } = directory;
  const at = frame >> 2;
  const before = words[at + FRAME_BUCKETS]!;
  const live = words[at + FRAME_LIVE]!;
  directory.clearMaintenanceMark(frame);
  if (wanted !== before) {
    copyToScratch(region, frame, 0);
    const prefix = words[at + FRAME_PREFIX]!;
    const depth = words[at + FRAME_DEPTH]!;
    for (let buckets = wanted; buckets <= BUCKETS_LIMIT; buckets += 1 + (buckets >> 3)) {
      if (logStart(buckets) + live > capacityBytes(words, frame)) break;
      formatFrame(words, frame, prefix, depth, buckets);
      if (!reinsertEntries(directory.space, 0, frame, frame)) continue;
      updateCommittedPages(directory, frame);
      directory.publish(frame);
      return true;
    }
    restoreFromScratch(region, frame, 0);
    if (wanted > before) return false;
  }
  compact(region, frame);
  updateCommittedPages(directory, frame);
  return true;
}

/**
 * Splits a frame of full capacity by its next hash bit.
 * @returns false when the space is full
 */
export function split(directory: Directory, frame: number): boolean {
  const { region, words } = directory;
  const at = frame >> 2;
  const depth = words[at + FRAME_DEPTH]!;
  if (depth >= DEPTH_MAX) return false;
  if (depth === directory.depth && !directory.double()) return false;
  const right = directory.allocateFrame();
  if (right === 0) {
    directory.halve();
    return false;
  }
  const before = words[at + FRAME_BUCKETS]!;
  const prefix = words[at + FRAME_PREFIX]!;
  const half = bucketsFor(words[at + FRAME_ENTRIES]! >> 1, words[at + FRAME_LIVE]! >> 1);
  directory.clearMaintenanceMark(frame);
  copyToScratch(region, frame, 0);
  for (let buckets = Math.min(half, before); buckets <= BUCKETS_LIMIT; ) {
    formatFrame(words, frame, prefix, depth + 1, buckets);
    formatFrame(words, right, prefix | (1 << (31 - depth)), depth + 1, buckets);
    if (reinsertEntries(directory.space, 0, frame, right)) {
      words[at + FRAME_PROVEN]! >>= 1;
      words[(right >> 2) + FRAME_PROVEN] = words[at + FRAME_PROVEN]!;
      finishSplit(directory, frame, right);
      return true;
    }
    buckets += 1 + (buckets >> 3);
  }
  restoreFromScratch(region, frame, 0);
  releaseUnusedPages(directory, right);
  directory.freeFrame(right);
  directory.halve();
  return false;
}

function finishSplit(directory: Directory, left: number, right: number): void {
  if (directory.words[(left >> 2) + FRAME_DEPTH] === directory.depth) directory.countDeepest(2);
  updateCommittedPages(directory, left);
  updateCommittedPages(directory, right);
  directory.publish(left);
  directory.publish(right);
  markSparse(directory, left);
  markSparse(directory, right);
}

/**
 * Merges a sparse frame with its buddy, and the result with its buddy, as long as both are sparse.
 * Then compacts the result where that frees enough.
 */
export function compactOrMerge(directory: Directory, frame: number): void {
  let current = frame;
  directory.clearMaintenanceMark(current);
  for (let merged = merge(directory, current); merged !== 0; merged = merge(directory, current)) {
    current = merged;
  }
  const words = directory.words;
  const at = current >> 2;
  const garbage = garbageOf(words, current);
  const suited = preferredBuckets(words, current, 0);
  const spare = words[at + FRAME_BUCKETS]! - suited;
  const worth = garbage + (spare > suited ? spare * BUCKET_BYTES : 0);
  if (garbage > words[at + FRAME_LIVE]! || worth >= GARBAGE_WORTH_BYTES) {
    rebuild(directory, current, spare > suited ? suited : words[at + FRAME_BUCKETS]!);
  }
  if (directory.deepest === 0) directory.halve();
  shrinkFrame(directory, current);
}

/** Moves the only frame of a table to a shorter run when it has shrunk to a quarter of its run. */
function shrinkFrame(directory: Directory, frame: number): void {
  const { words } = directory;
  const at = frame >> 2;
  const committed = words[at + FRAME_COMMITTED]!;
  if (directory.frames > 1 || committed * 4 > words[at + FRAME_CAPACITY]!) return;
  moveFrame(directory, frame, committed + 1);
}

/** @returns the merged frame, or 0 when the frame and its buddy cannot be merged */
function merge(directory: Directory, frame: number): number {
  const { region, words } = directory;
  const at = frame >> 2;
  const depth = words[at + FRAME_DEPTH]!;
  if (depth === 0) return 0;
  const prefix = words[at + FRAME_PREFIX]!;
  const bit = 1 << (32 - depth);
  const buddy = frameOf(directory.lookup(prefix ^ bit));
  const other = buddy >> 2;
  if (words[other + FRAME_DEPTH] !== depth) return 0;
  const entries = words[at + FRAME_ENTRIES]! + words[other + FRAME_ENTRIES]!;
  const live = words[at + FRAME_LIVE]! + words[other + FRAME_LIVE]!;
  let buckets = bucketsFor(entries, live);
  if (logStart(buckets) + live >= MERGE_BYTES) return 0;
  directory.clearMaintenanceMark(frame);
  copyToScratch(region, frame, 0);
  copyToScratch(region, buddy, 1);
  for (; ; buckets += 1 + (buckets >> 3)) {
    if (buckets > BUCKETS_LIMIT) {
      restoreFromScratch(region, frame, 0);
      return 0;
    }
    formatFrame(words, frame, prefix & ~bit, depth - 1, buckets);
    if (
      reinsertEntries(directory.space, 0, frame, frame) &&
      reinsertEntries(directory.space, 1, frame, frame)
    )
      break;
  }
  words[at + FRAME_PROVEN]! += words[other + FRAME_PROVEN]!;
  if (depth === directory.depth) directory.countDeepest(-2);
  updateCommittedPages(directory, frame);
  directory.freeFrame(buddy);
  directory.publish(frame);
  return frame;
}
