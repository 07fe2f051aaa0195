/**
 * A frame: address space for the entries of one range of hashes, 64 KiB of it. The pages beyond the
 * top of its log are never touched, so a frame uses the memory of its content and grows without a
 * copy. Only a table's first frame, while it is the only one, begins with a page and moves to a longer
 * run when it is full: a space of 2 GiB has room for half a million small tables.
 *
 *   0      u32  prefix: the top bits of h1 that all its keys share, the rest zero
 *   4      i32  depth: how many bits that are
 *   8      i32  buckets, without the overflow bucket
 *   12     i32  entries
 *   16     i32  live: bytes of entries in the log that slots refer to
 *   20     i32  top: end of the log, from the frame's start
 *   24     i32  pages committed: those the log has reached
 *   28     i32  entries with an expiry
 *   32     f64  lower bound of their expiries; Infinity when none
 *   40     i32  capacity: pages of its address space
 *   44     i32  entries that have proven useful, as slot-order.ts estimates it
 *   48     i32  flags: bit 0 marked for maintenance
 *   52     u32  gap: garbage that entries may take (frame-gap.ts)
 *   56     8 bytes, unused
 *   64     buckets, then one overflow bucket: 64 bytes each (slots.ts)
 *   …      log of entries (entry.ts), up to top
 *
 * References inside a frame are relative to it. A directory refers to a frame by one word with its
 * depth and buckets, so that a lookup does not read the frame's header (a cache miss):
 *
 *   bits 13-31 page   8-12 depth   0-7 buckets
 */
import { FRAME_BYTES, PAGE_SHIFT } from '../memory/space-layout.js';

export const FRAME_PREFIX = 0;
export const FRAME_DEPTH = 1;
export const FRAME_BUCKETS = 2;
export const FRAME_ENTRIES = 3;
export const FRAME_LIVE = 4;
export const FRAME_TOP = 5;
export const FRAME_COMMITTED = 6;
export const FRAME_EXPIRING = 7;
export const FRAME_CAPACITY = 10;
export const FRAME_PROVEN = 11;
/** Byte offset of the f64. */
export const FRAME_EXPIRY_BYTE = 32;
export const FRAME_FLAGS = 12;
export const FRAME_GAP = 13;

export const FLAG_MAINTENANCE = 1;

export const FRAME_HEADER_BYTES = 64;
export const BUCKET_BYTES = 64;
export const SLOTS = 20;
/** A frame has 2 to this many buckets. A split uses more, up to the limit, only if it has to. */
export const BUCKETS_MAX = 128;
export const BUCKETS_LIMIT = 255;
export const DEPTH_MAX = 24;

/** Share of the slots in use, in percent, that a frame aims at when its log is full. */
const LOAD_PERCENT = 92;
/** A rebuilt frame gets slots for this share of its entries, in percent. */
const GROWTH_PERCENT = 125;
/** The same while a table is filled: a frame gets its last buckets at once, and is rehashed once. */
const FILLING_PERCENT = 250;
let growthPercent = GROWTH_PERCENT;

/**
 * Says whether this thread puts in a great many new entries: the frames that fill up meanwhile are soon
 * full again. Else a third of the time that filling takes goes into rehashing them for more buckets. Measured: 122.0
 * bytes an entry instead of 121.9, 26.2 instead of 25.8 for short ones.
 */
export function setFilling(isFilling: boolean): void {
  growthPercent = isFilling ? FILLING_PERCENT : GROWTH_PERCENT;
}

export function referenceOf(frame: number, depth: number, buckets: number): number {
  return ((frame >>> PAGE_SHIFT) << 13) | (depth << 8) | buckets;
}

/** Byte offset of the frame (or directory) that a reference refers to. */
export function frameOf(reference: number): number {
  return (reference >>> 13) << PAGE_SHIFT;
}

export function depthOf(reference: number): number {
  return (reference >>> 8) & 31;
}

export function bucketsOf(reference: number): number {
  return reference & 255;
}

/** The 16 bits of the hash below the depth, mapped to a range: buckets lie in order of hashes. */
export function homeOf(h1: number, depth: number, buckets: number): number {
  return Math.imul((h1 << depth) >>> 16, buckets) >>> 16;
}

/** 1 to 255; 0 is an empty slot. */
export function fingerprintOf(h2: number): number {
  return 1 + (Math.imul(h2 & 0xffff, 255) >>> 16);
}

/** Bytes of address space of a frame: no log is longer. */
export function capacityBytes(words: Int32Array, frame: number): number {
  return words[(frame >> 2) + FRAME_CAPACITY]! << PAGE_SHIFT;
}

/** Where the log of a frame with so many buckets begins. */
export function logStart(buckets: number): number {
  return FRAME_HEADER_BYTES + (buckets + 1) * BUCKET_BYTES;
}

/**
 * How many buckets suit entries of this number and size. They are 92 % full when the log is full. A
 * frame that was just split gets fewer buckets, for a quarter more entries than it has: unused
 * slots cost up to a byte for each entry of 111 bytes. Measured while filling: 123.9 bytes an entry
 * with 125 %, 124.9 with 200 %.
 */
export function bucketsFor(entries: number, liveBytes: number): number {
  if (entries === 0) return 2;
  const slotBytes = (BUCKET_BYTES * 100) / (SLOTS * LOAD_PERCENT);
  const capacity = (FRAME_BYTES - logStart(0)) / (liveBytes / entries + slotBytes);
  const aim = Math.min(capacity, (entries * growthPercent) / 100);
  const buckets = Math.ceil((aim * 100) / (SLOTS * LOAD_PERCENT));
  return Math.max(2, Math.min(buckets, BUCKETS_MAX));
}

/** Writes the header of an empty frame, but for FRAME_PROVEN, and empties its buckets. */
export function formatFrame(
  words: Int32Array,
  frame: number,
  prefix: number,
  depth: number,
  buckets: number,
): void {
  const at = frame >> 2;
  words[at + FRAME_PREFIX] = prefix;
  words[at + FRAME_DEPTH] = depth;
  words[at + FRAME_BUCKETS] = buckets;
  words[at + FRAME_ENTRIES] = 0;
  words[at + FRAME_LIVE] = 0;
  words[at + FRAME_TOP] = logStart(buckets);
  words[at + FRAME_EXPIRING] = 0;
  // Infinity as an f64, little endian.
  words[at + (FRAME_EXPIRY_BYTE >> 2)] = 0;
  words[at + (FRAME_EXPIRY_BYTE >> 2) + 1] = 0x7ff00000;
  words[at + FRAME_FLAGS] = 0;
  words[at + FRAME_GAP] = 0;
  words.fill(0, at + (FRAME_HEADER_BYTES >> 2), at + (logStart(buckets) >> 2));
}
