/**
 * A leaf of a sequence: one page with the bytes of its elements, in order and without gaps.
 *
 *   0      u32  bits 0-18 page of the previous leaf (0: none), bits 19-31 elements
 *   4      u32  page of the next leaf (0: none)
 *   8      slots, u16 each: bits 0-12 where the element starts in the page, bits 13-15 its form
 *   …      free bytes
 *   …4096  elements, the first one last: element i ends where element i - 1 starts
 *
 * A slot says where its element starts and, with the slot before it, how long it is. So an element
 * costs two bytes beyond its own, and is reached without a walk. Appending moves nothing; inserting
 * moves the elements behind it. 227 elements of 16 bytes fill a leaf exactly.
 *
 * A leaf is named by its byte offset in the region. All functions run under the shard's lock.
 */
import { copyBytes, moveBytes, type Region } from '../../base/region.js';
import { PAGE_BYTES, PAGE_SHIFT } from '../../memory/space-layout.js';

export const LEAF_HEADER_BYTES = 8;
export const SLOT_BYTES = 2;
/** Bytes of a leaf for elements and their slots. */
export const LEAF_ROOM_BYTES = PAGE_BYTES - LEAF_HEADER_BYTES;
/**
 * The longest element inside a leaf, slot not counted: half of the room. A full leaf and one such
 * element always fit in two leaves, wherever the element goes.
 */
export const LEAF_ELEMENT_MAX = (LEAF_ROOM_BYTES >> 1) - SLOT_BYTES;

export const START_MASK = 0x1fff;
export const FORM_SHIFT = 13;
const PAGE_MASK = 0x7ffff;
const COUNT_SHIFT = 19;

export function formatLeaf(words: Int32Array, leaf: number): void {
  words[leaf >> 2] = 0;
  words[(leaf >> 2) + 1] = 0;
}

export function leafCount(words: Int32Array, leaf: number): number {
  return words[leaf >> 2]! >>> COUNT_SHIFT;
}

function setLeafCount(words: Int32Array, leaf: number, count: number): void {
  const at = leaf >> 2;
  words[at] = (words[at]! & PAGE_MASK) | (count << COUNT_SHIFT);
}

/** Byte offset of the leaf before, 0 for none. */
export function previousLeaf(words: Int32Array, leaf: number): number {
  return (words[leaf >> 2]! & PAGE_MASK) << PAGE_SHIFT;
}

export function nextLeaf(words: Int32Array, leaf: number): number {
  return words[(leaf >> 2) + 1]! << PAGE_SHIFT;
}

export function setPreviousLeaf(words: Int32Array, leaf: number, previous: number): void {
  const at = leaf >> 2;
  words[at] = (words[at]! & ~PAGE_MASK) | (previous >>> PAGE_SHIFT);
}

export function setNextLeaf(words: Int32Array, leaf: number, next: number): void {
  words[(leaf >> 2) + 1] = next >>> PAGE_SHIFT;
}

function slotAt(leaf: number, index: number): number {
  return leaf + LEAF_HEADER_BYTES + index * SLOT_BYTES;
}

export function formOf(view: DataView, leaf: number, index: number): number {
  return view.getUint16(slotAt(leaf, index), true) >>> FORM_SHIFT;
}

/** Byte offset in the region where an element starts. */
export function elementStart(view: DataView, leaf: number, index: number): number {
  return leaf + (view.getUint16(slotAt(leaf, index), true) & START_MASK);
}

/** Where an element ends: where the one before it starts. */
export function elementEnd(view: DataView, leaf: number, index: number): number {
  return index === 0 ? leaf + PAGE_BYTES : elementStart(view, leaf, index - 1);
}

/** Bytes that the elements and their slots take. */
export function leafUsed(region: Region, leaf: number): number {
  const count = leafCount(region.words, leaf);
  return count * SLOT_BYTES + leaf + PAGE_BYTES - elementEnd(region.view, leaf, count);
}

export function leafFree(region: Region, leaf: number): number {
  return LEAF_ROOM_BYTES - leafUsed(region, leaf);
}

/**
 * Lowers the starts of elements `from` to `to` by `bytes`, and moves their slots by `places`. Two slots
 * at a time: no start leaves its bits, so nothing is carried from one to the other.
 */
function shiftSlots(
  view: DataView,
  leaf: number,
  from: number,
  to: number,
  bytes: number,
  places: number,
): void {
  const shift = places * SLOT_BYTES;
  const both = Math.imul(bytes, 0x10001);
  const first = slotAt(leaf, from);
  const end = slotAt(leaf, to);
  if (places > 0) {
    let at = end - 2 * SLOT_BYTES;
    for (; at >= first; at -= 2 * SLOT_BYTES) {
      view.setInt32(at + shift, view.getInt32(at, true) - both, true);
    }
    if (at + SLOT_BYTES < first) return;
    view.setUint16(first + shift, view.getUint16(first, true) - bytes, true);
    return;
  }
  let at = first;
  for (; at + SLOT_BYTES < end; at += 2 * SLOT_BYTES) {
    view.setInt32(at + shift, view.getInt32(at, true) - both, true);
  }
  if (at < end) view.setUint16(at + shift, view.getUint16(at, true) - bytes, true);
}

/**
 * Makes room for an element of `size` bytes before element `index`; the leaf has that much room.
 * @returns where its bytes go
 */
export function openElement(
  region: Region,
  leaf: number,
  index: number,
  form: number,
  size: number,
): number {
  const { words, view } = region;
  const count = leafCount(words, leaf);
  const end = elementEnd(view, leaf, index);
  if (index < count) {
    const low = elementStart(view, leaf, count - 1);
    moveBytes(region, low - size, low, end - low);
    shiftSlots(view, leaf, index, count, size, 1);
  }
  view.setUint16(slotAt(leaf, index), (form << FORM_SHIFT) | (end - size - leaf), true);
  setLeafCount(words, leaf, count + 1);
  return end - size;
}

/** Removes `removed` elements from element `index` on. */
export function closeElements(region: Region, leaf: number, index: number, removed: number): void {
  const { words, view } = region;
  const count = leafCount(words, leaf);
  const after = index + removed;
  if (after < count) {
    const end = elementEnd(view, leaf, index);
    const start = elementStart(view, leaf, after - 1);
    const low = elementStart(view, leaf, count - 1);
    const gap = end - start;
    moveBytes(region, low + gap, low, start - low);
    shiftSlots(view, leaf, after, count, -gap, -removed);
  }
  setLeafCount(words, leaf, count - removed);
}

/**
 * Gives element `index` another form and size; the leaf has room for the difference. Of its bytes
 * the last ones stay: min(old size, new size) of them.
 * @returns where its bytes are
 */
export function resizeElement(
  region: Region,
  leaf: number,
  index: number,
  form: number,
  size: number,
): number {
  const { words, view } = region;
  const count = leafCount(words, leaf);
  const end = elementEnd(view, leaf, index);
  const start = elementStart(view, leaf, index);
  const growth = size - (end - start);
  if (growth !== 0 && index + 1 < count) {
    const low = elementStart(view, leaf, count - 1);
    moveBytes(region, low - growth, low, start - low);
    shiftSlots(view, leaf, index + 1, count, growth, 0);
  }
  view.setUint16(slotAt(leaf, index), (form << FORM_SHIFT) | (end - size - leaf), true);
  return end - size;
}

/** Appends elements `from` to `to` of one leaf to another, which has room for them. */
export function appendElements(
  region: Region,
  leaf: number,
  from: number,
  to: number,
  target: number,
): void {
  if (to <= from) return;
  const { words, view } = region;
  const end = elementEnd(view, leaf, from);
  const start = elementStart(view, leaf, to - 1);
  const count = leafCount(words, target);
  const targetEnd = elementEnd(view, target, count);
  copyBytes(region, targetEnd - (end - start), region, start, end - start);
  const lower = end - leaf - (targetEnd - target);
  let at = slotAt(target, count);
  for (let i = from; i < to; i++) {
    view.setUint16(at, view.getUint16(slotAt(leaf, i), true) - lower, true);
    at += SLOT_BYTES;
  }
  setLeafCount(words, target, count + to - from);
}

/**
 * Where to cut a leaf that an element of `size` bytes before element `index` is to go into, so that
 * both halves are about as full: how many elements, with the new one, stay in the left half.
 */
export function splitPoint(region: Region, leaf: number, index: number, size: number): number {
  const { words, view } = region;
  const count = leafCount(words, leaf);
  const total = leafUsed(region, leaf) + size + SLOT_BYTES;
  let left = 0;
  for (let i = 0; i <= count; i++) {
    const own = i === index ? size : oldSize(view, leaf, i < index ? i : i - 1);
    const next = left + own + SLOT_BYTES;
    if (next * 2 > total) {
      // The element in the middle goes where it makes the fuller half less full.
      const fits = next <= LEAF_ROOM_BYTES && next * 2 - total <= total - left * 2;
      return fits ? i + 1 : i;
    }
    left = next;
  }
  return count;
}

function oldSize(view: DataView, leaf: number, index: number): number {
  return elementEnd(view, leaf, index) - elementStart(view, leaf, index);
}
