/**
 * Finding a member among the elements of a leaf that is ordered by score: the hot loop of a scored
 * set. The slots tell how long each member is; of those as long as the one sought the last four bytes
 * are compared first, as members often begin alike ("user:1000").
 */
import { equalBytes, type Region } from '../../base/region.js';
import { PAGE_SHIFT } from '../../memory/space-layout.js';
import { FORM_LARGE } from './element.js';
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

const FAR = 0x4000;
/** Bytes before the member, by form; too many for the forms that keep no member in the leaf. */
const BEFORE_MEMBER = new Int32Array([8, FAR, FAR, 2, 4, FAR, FAR, FAR]);
const SCORE_BYTES = 8;

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
  const view = region.view;
  const tail = length >= 4 ? source.view.getInt32(offset + length - 4, true) : 0;
  const first = slotAt(view, leaf, 0);
  const last = first + leafCount(region.words, leaf) * SLOT_BYTES;
  let end = elementEnd(view, leaf, 0) - leaf;
  for (let at = first; at < last; at += SLOT_BYTES) {
    const slot = view.getUint16(at, true);
    const start = slot & START_MASK;
    if (end - start - BEFORE_MEMBER[slot >>> FORM_SHIFT]! === length) {
      const member = leaf + end - length;
      if (length < 4 || view.getInt32(leaf + end - 4, true) === tail) {
        if (equalBytes(region, member, source, offset, length)) return (at - first) >> 1;
      }
    }
    end = start;
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
