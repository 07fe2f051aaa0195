/**
 * Finding a member among the elements of a leaf that is ordered by score: the hot loop of a scored
 * set. The last four bytes are compared first, as members often begin alike ("user:1000"); then the length,
 * which the slots tell.
 */
import { equalBytes, type Region } from '../../base/region.js';
import { PAGE_SHIFT } from '../../memory/space-layout.js';
import { BEFORE_MEMBER, FORM_LARGE } from './element.js';
import {
  elementEnd,
  elementStart,
  FORM_SHIFT,
  formOf,
  LEAF_ELEMENT_MAX,
  leafCount,
  SLOT_BYTES,
  START_MASK,
  slotAt,
} from './leaf.js';

const SCORE_BYTES = 8;
/** The last bytes of a member, which are compared before anything else. */
const TAIL_BYTES = 4;

/** @returns the slot of the member, or -1 */
export function slotOfMember(
  region: Region,
  leaf: number,
  source: Region,
  offset: number,
  length: number,
): number {
  if (length + SCORE_BYTES > LEAF_ELEMENT_MAX) {
    const large = slotOfLarge(region, leaf, source, offset, length);
    // With a short score it may lie in the leaf all the same.
    if (large >= 0 || length + 2 > LEAF_ELEMENT_MAX) return large;
  }
  if (length < TAIL_BYTES) return slotOfShort(region, leaf, source, offset, length);
  const { view } = region;
  const tail = source.view.getInt32(offset + length - TAIL_BYTES, true);
  const first = slotAt(view, leaf, 0);
  const last = first + leafCount(region.words, leaf) * SLOT_BYTES;
  const tails = leaf - TAIL_BYTES;
  let end = elementEnd(view, leaf, 0) - leaf;
  let at = first;
  // Two slots are read at a time.
  for (; at + SLOT_BYTES < last; at += 2 * SLOT_BYTES) {
    const pair = view.getInt32(at, true);
    if (view.getInt32(tails + end, true) === tail) {
      if (isMember(region, leaf, pair & 0xffff, end, source, offset, length)) {
        return (at - first) >> 1;
      }
    }
    const middle = pair & START_MASK;
    if (view.getInt32(tails + middle, true) === tail) {
      if (isMember(region, leaf, pair >>> 16, middle, source, offset, length)) {
        return (at + SLOT_BYTES - first) >> 1;
      }
    }
    end = (pair >>> 16) & START_MASK;
  }
  if (at >= last) return -1;
  const slot = view.getUint16(at, true);
  return isMember(region, leaf, slot, end, source, offset, length) ? (at - first) >> 1 : -1;
}

/** Whether an element of this slot that ends at `end` is the member. */
function isMember(
  region: Region,
  leaf: number,
  slot: number,
  end: number,
  source: Region,
  offset: number,
  length: number,
): boolean {
  const before = BEFORE_MEMBER[slot >>> FORM_SHIFT]!;
  if (end - (slot & START_MASK) - before !== length) return false;
  return equalBytes(region, leaf + end - length, source, offset, length);
}

/** Of a member without a tail. */
function slotOfShort(
  region: Region,
  leaf: number,
  source: Region,
  offset: number,
  length: number,
): number {
  const { view } = region;
  const first = slotAt(view, leaf, 0);
  const last = first + leafCount(region.words, leaf) * SLOT_BYTES;
  let end = elementEnd(view, leaf, 0) - leaf;
  for (let at = first; at < last; at += SLOT_BYTES) {
    const slot = view.getUint16(at, true);
    if (isMember(region, leaf, slot, end, source, offset, length)) return (at - first) >> 1;
    end = slot & START_MASK;
  }
  return -1;
}

function slotOfLarge(
  region: Region,
  leaf: number,
  source: Region,
  offset: number,
  length: number,
): number {
  const view = region.view;
  const count = leafCount(region.words, leaf);
  for (let i = 0; i < count; i++) {
    if (formOf(view, leaf, i) !== FORM_LARGE) continue;
    const reference = elementStart(view, leaf, i) + SCORE_BYTES;
    if (view.getInt32(reference + 4, true) !== length) continue;
    const run = view.getInt32(reference, true) << PAGE_SHIFT;
    if (equalBytes(region, run, source, offset, length)) return i;
  }
  return -1;
}
