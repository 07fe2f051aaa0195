/**
 * Rewriting frames. Compaction, splits and merges copy a frame to scratch memory and reinsert its
 * entries from there into one or two frames. Adding buckets copies only the buckets.
 *
 * An entry does not store its hash, so reinserting hashes each key again. A compaction that keeps
 * the number of buckets needs neither hashes nor a copy.
 *
 * Where buckets are filled anew, the first slots of all buckets come before the second ones: an entry
 * that was in front (slot-order.ts) comes into the front again, also when two buckets become one.
 *
 * All functions are called under the lock of the frame's shard.
 */
import { copyBytes, Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { FRAME_BYTES, PAGE_BYTES, PAGE_SHIFT } from '../memory/space-layout.js';
import type { Directory } from './directory.js';
import { ENTRY_KEY_RUN, Entry } from './entry.js';
import {
  BUCKETS_LIMIT,
  capacityBytes,
  FRAME_BUCKETS,
  FRAME_CAPACITY,
  FRAME_COMMITTED,
  FRAME_DEPTH,
  FRAME_ENTRIES,
  FRAME_EXPIRING,
  FRAME_EXPIRY_BYTE,
  FRAME_FLAGS,
  FRAME_HEADER_BYTES,
  FRAME_LIVE,
  FRAME_TOP,
  homeOf,
  logStart,
  SLOTS,
} from './frame.js';
import { clearGap } from './frame-gap.js';
import { HashState, hashBytes } from './hash.js';
import {
  bucketOffset,
  ensureEmptySlot,
  fingerprintAt,
  insertSlot,
  referenceAt,
  setReference,
} from './slots.js';

/** Room for the two frames of a merge. Every thread loads this module and has its own. */
const scratch = new Region(new SharedArrayBuffer(2 * FRAME_BYTES), 0);
const entry = new Entry();
const hash = new HashState();

/** Copies header, buckets and log of a frame to the scratch memory's first or second half. */
export function copyToScratch(region: Region, frame: number, half: number): void {
  const top = region.words[(frame >> 2) + FRAME_TOP]!;
  copyBytes(scratch, half * FRAME_BYTES, region, frame, top);
}

/** Undoes the changes to a frame since `copyToScratch`. */
export function restoreFromScratch(region: Region, frame: number, half: number): void {
  const from = half * FRAME_BYTES;
  copyBytes(region, frame, scratch, from, scratch.words[(from >> 2) + FRAME_TOP]!);
}

/**
 * Reinserts the entries of a frame in scratch memory into formatted frames: those whose next hash
 * bit is 0 into `left`, the others into `right`. Both are the same frame when there is only one.
 * @returns false when a frame ran out of slots or bytes. The caller then formats the frames with
 *   more buckets and tries again, or restores them.
 */
export function reinsertEntries(space: Space, half: number, left: number, right: number): boolean {
  const region = space.region;
  const from = half * FRAME_BYTES;
  const buckets = scratch.words[(from >> 2) + FRAME_BUCKETS]!;
  const sideBit = region.words[(left >> 2) + FRAME_DEPTH]!;
  const key0 = space.hashKey0;
  const key1 = space.hashKey1;
  for (let slot = 0; slot < SLOTS; slot++) {
    for (let i = 0; i <= buckets; i++) {
      const bucket = bucketOffset(from, i);
      const fingerprint = fingerprintAt(scratch.bytes, bucket, slot);
      if (fingerprint === 0) continue;
      entry.decode(scratch, from + referenceAt(scratch.view, bucket, slot));
      const keyRegion = (entry.flags & ENTRY_KEY_RUN) === 0 ? scratch : region;
      hashBytes(hash, keyRegion, entry.keyOffset, entry.keyLength, key0, key1);
      const second = right !== left && ((hash.h1 >>> (32 - sideBit)) & 1) !== 0;
      if (!reinsertEntry(region, second ? right : left, fingerprint)) return false;
    }
  }
  return true;
}

/** Appends the decoded entry to a frame, with a slot for it. */
function reinsertEntry(region: Region, frame: number, fingerprint: number): boolean {
  const { words, bytes, view } = region;
  const at = frame >> 2;
  const buckets = words[at + FRAME_BUCKETS]!;
  const top = words[at + FRAME_TOP]!;
  const size = entry.size;
  if (top + size > capacityBytes(words, frame)) return false;
  const home = homeOf(hash.h1, words[at + FRAME_DEPTH]!, buckets);
  if (!ensureEmptySlot(words, bytes, view, frame, buckets, home)) return false;
  insertSlot(words, bytes, view, frame, home, fingerprint, top);
  copyBytes(region, frame + top, scratch, entry.offset, size);
  words[at + FRAME_TOP] = top + size;
  words[at + FRAME_ENTRIES]!++;
  words[at + FRAME_LIVE]! += size;
  if (entry.expiry !== 0) countExpiring(region, frame, entry.expiry);
  return true;
}

/** Counts one more entry that expires. */
export function countExpiring(region: Region, frame: number, expiry: number): void {
  region.words[(frame >> 2) + FRAME_EXPIRING]!++;
  lowerExpiry(region, frame, expiry);
}

/** The frame's first expiry; far ones (negative) never come. */
export function lowerExpiry(region: Region, frame: number, expiry: number): void {
  const at = frame + FRAME_EXPIRY_BYTE;
  if (expiry > 0 && expiry < region.view.getFloat64(at, true))
    region.view.setFloat64(at, expiry, true);
}

/**
 * Gives a frame more buckets without rewriting its log. The new buckets overwrite the log's first
 * bytes, so the entries there move to the log's end. All slots are rehashed.
 * @returns false when the log has no room for the moved entries, or a bucket overflows. The frame
 *   then keeps its entries and its number of buckets.
 */
export function addBuckets(directory: Directory, frame: number, buckets: number): boolean {
  const { region, words, space } = directory;
  const at = frame >> 2;
  const before = words[at + FRAME_BUCKETS]!;
  copyBytes(scratch, 0, region, frame, logStart(before));
  // It may lie where the new buckets will be.
  clearGap(words, frame);
  if (!moveEntriesBehind(region, frame, before, logStart(buckets))) return false;
  words[at + FRAME_BUCKETS] = buckets;
  words.fill(0, (frame + FRAME_HEADER_BYTES) >> 2, (frame + logStart(buckets)) >> 2);
  const placed = rehashSlots(space, frame, before);
  if (!placed) {
    words[at + FRAME_BUCKETS] = before;
    const bucketBytes = logStart(before) - FRAME_HEADER_BYTES;
    copyBytes(region, frame + FRAME_HEADER_BYTES, scratch, FRAME_HEADER_BYTES, bucketBytes);
  }
  updateCommittedPages(directory, frame);
  if (placed) directory.publish(frame);
  return placed;
}

/**
 * Moves the entries below `start` to the log's end. The references in the scratch copy of the
 * buckets follow them.
 */
function moveEntriesBehind(region: Region, frame: number, buckets: number, start: number): boolean {
  const at = (frame >> 2) + FRAME_TOP;
  const capacity = capacityBytes(region.words, frame);
  let top = Math.max(region.words[at]!, start);
  for (let i = 0; i <= buckets; i++) {
    const bucket = bucketOffset(0, i);
    for (let slot = 0; slot < SLOTS; slot++) {
      if (fingerprintAt(scratch.bytes, bucket, slot) === 0) continue;
      const reference = referenceAt(scratch.view, bucket, slot);
      if (reference >= start) continue;
      entry.decode(region, frame + reference);
      if (top + entry.size > capacity) return false;
      copyBytes(region, frame + top, region, frame + reference, entry.size);
      setReference(scratch.view, bucket, slot, top);
      top += entry.size;
    }
  }
  region.words[at] = top;
  return true;
}

/** Inserts the slots of the buckets in scratch memory into the frame's empty buckets. */
function rehashSlots(space: Space, frame: number, buckets: number): boolean {
  const { region, words } = space;
  const { bytes, view } = region;
  const depth = words[(frame >> 2) + FRAME_DEPTH]!;
  const target = words[(frame >> 2) + FRAME_BUCKETS]!;
  const key0 = space.hashKey0;
  const key1 = space.hashKey1;
  for (let slot = 0; slot < SLOTS; slot++) {
    for (let i = 0; i <= buckets; i++) {
      const bucket = bucketOffset(0, i);
      const fingerprint = fingerprintAt(scratch.bytes, bucket, slot);
      if (fingerprint === 0) continue;
      const reference = referenceAt(scratch.view, bucket, slot);
      entry.decode(region, frame + reference);
      hashBytes(hash, region, entry.keyOffset, entry.keyLength, key0, key1);
      const home = homeOf(hash.h1, depth, target);
      if (!ensureEmptySlot(words, bytes, view, frame, target, home)) return false;
      insertSlot(words, bytes, view, frame, home, fingerprint, reference);
    }
  }
  return true;
}

/** By place in the log: an entry's reference, and the number of its slot below it. */
const places = new Int32Array((BUCKETS_LIMIT + 1) * SLOTS);
const SLOT_BITS = 13;
const SLOT_MASK = 2 ** SLOT_BITS - 1;

/**
 * Removes the garbage from the log of a frame, in place: what lies behind garbage moves down. Its
 * entries keep their order and its buckets stay the same. Neighbours move together: garbage is in few
 * places, as a rule.
 */
export function compact(region: Region, frame: number): void {
  const { words, view } = region;
  const at = frame >> 2;
  const count = sortPlaces(region, frame);
  let top = logStart(words[at + FRAME_BUCKETS]!);
  let from = top;
  let end = top;
  for (let i = 0; i < count; i++) {
    const reference = places[i]! >>> SLOT_BITS;
    if (reference !== end) {
      top = moveDown(region, frame, top, from, end);
      from = reference;
    }
    const slot = places[i]! & SLOT_MASK;
    entry.decode(region, frame + reference);
    end = reference + entry.size;
    const bucket = bucketOffset(frame, Math.floor(slot / SLOTS));
    setReference(view, bucket, slot % SLOTS, top + reference - from);
  }
  words[at + FRAME_TOP] = moveDown(region, frame, top, from, end);
  clearGap(words, frame);
}

/** Moves `[from, end)` of a frame to `top`. @returns the end of it there */
function moveDown(region: Region, frame: number, top: number, from: number, end: number): number {
  if (top !== from) copyBytes(region, frame + top, region, frame + from, end - from);
  return top + end - from;
}

/** Fills `places` with the entries of a frame, in the order of its log. @returns how many they are */
function sortPlaces({ words, bytes, view }: Region, frame: number): number {
  const buckets = words[(frame >> 2) + FRAME_BUCKETS]!;
  let count = 0;
  for (let i = 0; i <= buckets; i++) {
    const bucket = bucketOffset(frame, i);
    for (let slot = 0; slot < SLOTS; slot++) {
      if (fingerprintAt(bytes, bucket, slot) === 0) continue;
      places[count++] = (referenceAt(view, bucket, slot) << SLOT_BITS) | (i * SLOTS + slot);
    }
  }
  places.subarray(0, count).sort();
  return count;
}

/**
 * Moves the only frame of a table to a run of another length.
 * @returns false when the space is full
 */
export function moveFrame(directory: Directory, frame: number, capacityPages: number): boolean {
  const { region, words } = directory;
  const moved = directory.allocateFrame(capacityPages);
  if (moved === 0) return false;
  copyBytes(region, moved, region, frame, words[(frame >> 2) + FRAME_TOP]!);
  words[(moved >> 2) + FRAME_COMMITTED] = 0;
  words[(moved >> 2) + FRAME_CAPACITY] = capacityPages;
  updateCommittedPages(directory, moved);
  // A mark for maintenance came along: freeing uncounts that of the old place only.
  words[(moved >> 2) + FRAME_FLAGS] = 0;
  directory.freeFrame(frame);
  directory.publish(moved);
  return true;
}

/** Accounts for the pages that a frame's log reaches, and releases the pages beyond them. */
export function updateCommittedPages(directory: Directory, frame: number): void {
  const words = directory.words;
  const at = frame >> 2;
  const committed = words[at + FRAME_COMMITTED]!;
  const reached = (words[at + FRAME_TOP]! + PAGE_BYTES - 1) >>> PAGE_SHIFT;
  if (reached === committed) return;
  if (reached > words[at + FRAME_CAPACITY]!) throw new Error(`table: a log of ${reached} pages`);
  words[at + FRAME_COMMITTED] = reached;
  directory.commit(reached - committed);
  if (reached < committed) {
    directory.space.releasePages(frame + (reached << PAGE_SHIFT), committed - reached);
  }
}

/** Releases all pages beyond a frame's log: a failed reinsertion may have touched any of them. */
export function releaseUnusedPages(directory: Directory, frame: number): void {
  const at = frame >> 2;
  const reached = (directory.words[at + FRAME_TOP]! + PAGE_BYTES - 1) >>> PAGE_SHIFT;
  const capacity = directory.words[at + FRAME_CAPACITY]!;
  updateCommittedPages(directory, frame);
  if (reached < capacity) {
    directory.space.releasePages(frame + (reached << PAGE_SHIFT), capacity - reached);
  }
}
