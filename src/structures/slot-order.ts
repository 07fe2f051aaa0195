/**
 * The order of the slots in a bucket says how useful its entries are. So keys can be evicted by use
 * without a byte for each of them (slot order after the segmented buckets of Dragonfly's dash table;
 * two parts after 2Q: Johnson, Shasha, 1994; hits in the front change nothing, as in CLOCK).
 *
 *   slot   0 1 2 3 │ 4 5 6 7 8 ...  │  ... 17 18 19
 *          front   │                │ new entries come in here; evicted is the last one
 *          ◀── entries that have proven useful: used again after they came in
 *
 * A hit moves an entry forward: to the first slot where recency counts, to the front by halves where
 * frequency does. Those in between move back by one slot. An entry in the front stays where it is: a hot
 * key is read without a write to shared memory.
 *
 * A new entry comes in behind those that have proven useful. What is used only once, by a scan for
 * example, pushes out only its like. The frame estimates how many have proven useful: a use behind them adds
 * to that, up to a share of its entries. In a frame where nothing was used again, entries leave in the order
 * in which they came.
 *
 * Hashes divide the keys among the buckets. So the last entries of some buckets are, as a sample, the
 * least useful entries of the whole table.
 */
import { FRAME_ENTRIES, FRAME_PROVEN, SLOTS } from './frame.js';
import { usedSlots } from './slots.js';

/** How the order of slots is kept: not at all, or by how recently or how often entries are used. */
export const ORDER_NONE = 0;
export const ORDER_FREQUENCY = 1;
export const ORDER_RECENCY = 2;
export type SlotOrder = typeof ORDER_NONE | typeof ORDER_FREQUENCY | typeof ORDER_RECENCY;

/** Entries in these slots do not move when they are used. */
export const FRONT_SLOTS = 4;
/** By how many slots a hit moves an entry on after half its way, where frequency counts. */
const FREQUENCY_STEP = 2;
/** How many entries may count as useful, in sixteenths: the others are there to prove it. */
const RECENT_SIXTEENTHS = 8;
const FREQUENT_SIXTEENTHS = 14;
/** What a use behind them adds to their number. More than one, and a scan that comes early harms less. */
const RECENT_STEP = 1;
const FREQUENT_STEP = 3;

/** The slot where an entry goes that was used. */
export function slotAfterUse(slot: number, order: SlotOrder): number {
  if (slot < FRONT_SLOTS) return slot;
  return order === ORDER_RECENCY ? 0 : Math.max(0, (slot >> 1) - FREQUENCY_STEP);
}

/** The slot where an entry goes that is new, and has got a free slot. */
export function slotOfNew(
  words: Int32Array,
  frame: number,
  bucket: number,
  slot: number,
  order: SlotOrder,
): number {
  return Math.min(slot, provenSlots(words, frame, bucket, order));
}

/** An entry was used that is in this slot. */
export function countUse(
  words: Int32Array,
  frame: number,
  bucket: number,
  slot: number,
  order: SlotOrder,
): void {
  if (slot >= provenSlots(words, frame, bucket, order)) {
    const step = order === ORDER_RECENCY ? RECENT_STEP : FREQUENT_STEP;
    words[(frame >> 2) + FRAME_PROVEN] = provenOf(words, frame, order) + step;
  }
}

/** Entries of a frame that count as useful. What a frame of a peer says of that may be anything. */
function provenOf(words: Int32Array, frame: number, order: SlotOrder): number {
  const at = frame >> 2;
  const sixteenths = order === ORDER_RECENCY ? RECENT_SIXTEENTHS : FREQUENT_SIXTEENTHS;
  const most = (words[at + FRAME_ENTRIES]! * sixteenths) >> 4;
  return Math.max(0, Math.min(words[at + FRAME_PROVEN]!, most));
}

/** The share of a bucket's entries that this is. */
function provenSlots(words: Int32Array, frame: number, bucket: number, order: SlotOrder): number {
  const entries = words[(frame >> 2) + FRAME_ENTRIES]!;
  if (entries === 0) return 0;
  return Math.round((usedSlots(words, bucket) * provenOf(words, frame, order)) / entries);
}

/** How useful an entry in this slot seems to be: 0 to `most`. */
export function usefulness(slot: number, most: number): number {
  return Math.round(((SLOTS - 1 - slot) * most) / (SLOTS - 1));
}

/** The slot of an entry that is as useful as this, from 0 to `most`. */
export function slotOfUsefulness(useful: number, most: number): number {
  return SLOTS - 1 - Math.round((useful * (SLOTS - 1)) / most);
}
