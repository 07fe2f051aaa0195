/**
 * The order of the slots in a bucket says how useful its entries are. So keys can be evicted by use
 * without a byte for each of them (slot order after the segmented buckets of Dragonfly's dash table;
 * where entries come in after Qureshi, Jaleel, Patt, Steely, Emer: Adaptive Insertion Policies, 2007).
 *
 *   slot   0 1 2 3 │ 4 5 6 ...              ... 17 18 19
 *          front     a hit moves an entry forward      a new entry comes in near the end,
 *                                                      the last one in use is evicted first
 *
 * A hit moves an entry to a quarter of its slot's number where recency counts, and to a half where
 * frequency does. Those in between move back by one slot. An entry in the front stays where it is: a
 * hot key is read without a write to shared memory. A new entry comes in at the middle of those in use
 * (recency) or before the last two (frequency). What is used only once, by a scan for example, never
 * gets to the front.
 *
 * Hashes divide the keys among the buckets. So the last entries of some buckets are, as a sample, the
 * least useful entries of the whole table.
 */
import { SLOTS } from './frame.js';
import { usedSlots } from './slots.js';

/** How the order of slots is kept: not at all, or by how much a hit divides a slot's number, as bits. */
export const ORDER_NONE = 0;
export const ORDER_FREQUENCY = 1;
export const ORDER_RECENCY = 2;
export type SlotOrder = typeof ORDER_NONE | typeof ORDER_FREQUENCY | typeof ORDER_RECENCY;

/** Entries in these slots do not move when they are used. */
export const FRONT_SLOTS = 4;
/** A new entry comes in before so many of the last ones, where frequency counts. */
const NEW_BEFORE = 2;

/** The slot where an entry goes that was used. */
export function slotAfterUse(slot: number, order: SlotOrder): number {
  return slot < FRONT_SLOTS ? slot : slot >> order;
}

/** The slot where an entry goes that is new, and has got a free slot. */
export function slotOfNew(
  words: Int32Array,
  bucket: number,
  slot: number,
  order: SlotOrder,
): number {
  if (order === ORDER_FREQUENCY) return Math.max(0, slot - NEW_BEFORE);
  return Math.min(slot, usedSlots(words, bucket) >> 1);
}

/** How useful an entry in this slot seems to be: 0 to `most`. */
export function usefulness(slot: number, most: number): number {
  return Math.round(((SLOTS - 1 - slot) * most) / (SLOTS - 1));
}
