/**
 * The buckets of a frame: 64 bytes, one cache line, 20 slots each.
 *
 *   0      20 fingerprints (u8; 0 = empty slot)
 *   20     20 references (u16, byte offset of the entry from the frame's start)
 *   60     meta: bits 0-19  slot holds an entry of the previous bucket (displaced)
 *                bits 20-24 how many entries of this bucket are displaced to the next
 *                bits 25-29 slots in use
 *
 * An entry lies in its home bucket or in the next one, whichever is emptier (after Dash: Lu, Hao,
 * Wang, Lo, 2020). When both are full, an entry that may lie in a neighbouring bucket is moved
 * there. This fills 20 buckets to 94 % on average before one overflows, and keeps the order of
 * hashes.
 */
import type { Region } from '../base/region.js';
import { BUCKET_BYTES, FRAME_HEADER_BYTES, SLOTS } from './frame.js';

const FINGERPRINT_WORDS = 5;
const REFERENCES = SLOTS;
/** Word of the meta, in the bucket. */
const META = 15;
const DISPLACED_SHIFT = 20;
const DISPLACED_ONE = 1 << DISPLACED_SHIFT;
const USED_SHIFT = 25;
const USED_ONE = 1 << USED_SHIFT;
const MASK_BITS = DISPLACED_ONE - 1;

export function bucketOffset(frame: number, bucket: number): number {
  return frame + FRAME_HEADER_BYTES + bucket * BUCKET_BYTES;
}

export function usedSlots(words: Int32Array, bucket: number): number {
  return words[(bucket >> 2) + META]! >>> USED_SHIFT;
}

/** How many entries whose home is this bucket lie in the next one. */
export function displacedSlots(words: Int32Array, bucket: number): number {
  return (words[(bucket >> 2) + META]! >>> DISPLACED_SHIFT) & 31;
}

/** Which slots of this bucket hold entries of the previous one. */
export function displacedMask(words: Int32Array, bucket: number): number {
  return words[(bucket >> 2) + META]! & MASK_BITS;
}

export function fingerprintAt(bytes: Uint8Array, bucket: number, slot: number): number {
  return bytes[bucket + slot]!;
}

/** Frame-relative offset of a slot's entry. */
export function referenceAt(view: DataView, bucket: number, slot: number): number {
  return view.getUint16(bucket + REFERENCES + slot * 2, true);
}

export function setReference(view: DataView, bucket: number, slot: number, entry: number): void {
  view.setUint16(bucket + REFERENCES + slot * 2, entry, true);
}

/**
 * A word with the top bit set in each byte where `word` has a zero byte. The result is exact:
 * adding 127 to the low seven bits of a byte never carries into the next byte.
 */
export function zeroBytes(word: number): number {
  return ~(((word & 0x7f7f7f7f) + 0x7f7f7f7f) | word | 0x7f7f7f7f);
}

/** The first empty slot of a bucket that has one. */
function emptySlot(words: Int32Array, bucket: number): number {
  const at = bucket >> 2;
  for (let i = 0; i < FINGERPRINT_WORDS; i++) {
    const zero = zeroBytes(words[at + i]!);
    if (zero !== 0) return i * 4 + ((31 - Math.clz32(zero)) >> 3);
  }
  throw new Error('bucket: no slot is empty');
}

/**
 * Takes an empty slot for an entry whose home is this bucket, or (`displaced`) the previous one.
 */
function takeEmptySlot(
  words: Int32Array,
  bytes: Uint8Array,
  bucket: number,
  fingerprint: number,
  displaced: boolean,
): number {
  const slot = emptySlot(words, bucket);
  bytes[bucket + slot] = fingerprint;
  const meta = (bucket >> 2) + META;
  words[meta]! += USED_ONE;
  if (displaced) {
    words[meta]! |= 1 << slot;
    words[meta - (BUCKET_BYTES >> 2)]! += DISPLACED_ONE;
  }
  return slot;
}

/** Empties a slot. */
export function clearSlot(
  words: Int32Array,
  bytes: Uint8Array,
  bucket: number,
  slot: number,
): void {
  bytes[bucket + slot] = 0;
  const meta = (bucket >> 2) + META;
  const bits = words[meta]! - USED_ONE;
  words[meta] = bits & ~(1 << slot);
  if (((bits >>> slot) & 1) !== 0) words[meta - (BUCKET_BYTES >> 2)]! -= DISPLACED_ONE;
}

/** Moves a slot's content to a neighbouring bucket that has room. */
function moveSlot(
  words: Int32Array,
  bytes: Uint8Array,
  view: DataView,
  from: number,
  slot: number,
  to: number,
): void {
  const target = takeEmptySlot(words, bytes, to, bytes[from + slot]!, to > from);
  setReference(view, to, target, referenceAt(view, from, slot));
  clearSlot(words, bytes, from, slot);
}

/**
 * Moves a slot's content forward to slot `target` of its bucket. The slots from there to the one before
 * it move back by one. Any of them may be empty.
 */
export function raiseSlot(
  { words, bytes, view }: Region,
  bucket: number,
  slot: number,
  target: number,
): void {
  const fingerprint = bytes[bucket + slot]!;
  const reference = referenceAt(view, bucket, slot);
  for (let i = slot; i > target; i--) {
    bytes[bucket + i] = bytes[bucket + i - 1]!;
    setReference(view, bucket, i, referenceAt(view, bucket, i - 1));
  }
  bytes[bucket + target] = fingerprint;
  setReference(view, bucket, target, reference);
  const meta = (bucket >> 2) + META;
  const bits = words[meta]!;
  const before = (1 << target) - 1;
  const shifted = ((1 << slot) - 1) & ~before;
  const isDisplaced = (bits >>> slot) & 1;
  const kept = bits & ~(shifted | (1 << slot));
  words[meta] = kept | ((bits & shifted) << 1) | (isDisplaced << target);
}

/** The first slot in use whose entry is displaced (or is not), or -1. */
function slotInUse(
  words: Int32Array,
  bytes: Uint8Array,
  bucket: number,
  displaced: boolean,
): number {
  const mask = displacedMask(words, bucket);
  for (let slot = 0; slot < SLOTS; slot++) {
    const bit = ((mask >>> slot) & 1) !== 0;
    if (bit === displaced && bytes[bucket + slot] !== 0) return slot;
  }
  return -1;
}

/**
 * Ensures an empty slot in the home bucket or the next one, moving a neighbour's entry if needed.
 * @returns false when the frame needs more buckets
 */
export function ensureEmptySlot(
  words: Int32Array,
  bytes: Uint8Array,
  view: DataView,
  frame: number,
  buckets: number,
  home: number,
): boolean {
  const bucket = bucketOffset(frame, home);
  const next = bucket + BUCKET_BYTES;
  if (usedSlots(words, bucket) < SLOTS || usedSlots(words, next) < SLOTS) return true;
  if (home > 0 && usedSlots(words, bucket - BUCKET_BYTES) < SLOTS) {
    const slot = slotInUse(words, bytes, bucket, true);
    if (slot >= 0) {
      moveSlot(words, bytes, view, bucket, slot, bucket - BUCKET_BYTES);
      return true;
    }
  }
  if (home + 1 < buckets && usedSlots(words, next + BUCKET_BYTES) < SLOTS) {
    const slot = slotInUse(words, bytes, next, false);
    if (slot >= 0) {
      moveSlot(words, bytes, view, next, slot, next + BUCKET_BYTES);
      return true;
    }
  }
  return false;
}

/**
 * Inserts an entry into its home bucket or the next one. `ensureEmptySlot` has returned true.
 * @returns the number of the bucket, times 32, plus the slot
 */
export function insertSlot(
  words: Int32Array,
  bytes: Uint8Array,
  view: DataView,
  frame: number,
  home: number,
  fingerprint: number,
  entry: number,
): number {
  const bucket = bucketOffset(frame, home);
  const next = bucket + BUCKET_BYTES;
  const displaced = usedSlots(words, next) < usedSlots(words, bucket);
  const target = displaced ? next : bucket;
  const slot = takeEmptySlot(words, bytes, target, fingerprint, displaced);
  setReference(view, target, slot, entry);
  return (displaced ? home + 1 : home) * 32 + slot;
}
