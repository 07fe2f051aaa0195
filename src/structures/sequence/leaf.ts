/**
 * A leaf of a sequence: one page with the bytes of its elements, in order and without gaps.
 *
 *   0      u32  bits 0-18 page of the previous leaf (0: none), bits 19-31 elements
 *   4      u32  bits 0-18 page of the next leaf (0: none), bits 19-31 free slots at the front
 *   8      slots, u16 each: bits 0-12 where the element starts in the page, bits 13-15 its form
 *   …      free bytes
 *   …4096  elements, the first one last: element i ends where element i - 1 starts; free bytes at
 *          the front
 *
 * A slot says where its element starts and, with the slot before it, how long it is. So an element
 * costs two bytes beyond its own, and is reached without a walk. Appending moves nothing; inserting
 * moves the elements behind it. 227 elements of 16 bytes fill a leaf exactly.
 *
 * The front: elements that were removed first leave their slots and bytes there, and elements that
 * are inserted first go there, so that a list is a queue or a stack without moving its elements. Of
 * the free slots only the last one is of use: it says where the first element ends. When another
 * change needs the room, the elements move over the front.
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

/** For fewer elements it does not pay to move all others away from the front. */
const FRONT_ELEMENTS_MIN = 8;

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
  return (words[(leaf >> 2) + 1]! & PAGE_MASK) << PAGE_SHIFT;
}

export function setPreviousLeaf(words: Int32Array, leaf: number, previous: number): void {
  const at = leaf >> 2;
  words[at] = (words[at]! & ~PAGE_MASK) | (previous >>> PAGE_SHIFT);
}

export function setNextLeaf(words: Int32Array, leaf: number, next: number): void {
  const at = (leaf >> 2) + 1;
  words[at] = (words[at]! & ~PAGE_MASK) | (next >>> PAGE_SHIFT);
}

/** Free slots before the first element's. */
export function leafFront(words: Int32Array, leaf: number): number {
  return words[(leaf >> 2) + 1]! >>> COUNT_SHIFT;
}

function setLeafFront(words: Int32Array, leaf: number, front: number): void {
  const at = (leaf >> 2) + 1;
  words[at] = (words[at]! & PAGE_MASK) | (front << COUNT_SHIFT);
}

/** @param place of a slot in the page, the free ones at the front counted */
function placeAt(leaf: number, place: number): number {
  return leaf + LEAF_HEADER_BYTES + place * SLOT_BYTES;
}

/** Where the slot of an element lies. */
export function slotAt(view: DataView, leaf: number, index: number): number {
  return placeAt(leaf, index + (view.getUint32(leaf + 4, true) >>> COUNT_SHIFT));
}

export function formOf(view: DataView, leaf: number, index: number): number {
  return view.getUint16(slotAt(view, leaf, index), true) >>> FORM_SHIFT;
}

/** Byte offset in the region where an element starts. */
export function elementStart(view: DataView, leaf: number, index: number): number {
  return leaf + (view.getUint16(slotAt(view, leaf, index), true) & START_MASK);
}

/** Where an element ends: where the one before it starts. */
export function elementEnd(view: DataView, leaf: number, index: number): number {
  const at = slotAt(view, leaf, index);
  if (at === leaf + LEAF_HEADER_BYTES) return leaf + PAGE_BYTES;
  return leaf + (view.getUint16(at - SLOT_BYTES, true) & START_MASK);
}

/** Bytes that the elements and their slots take. */
export function leafUsed({ words, view }: Region, leaf: number): number {
  const count = leafCount(words, leaf);
  return count * SLOT_BYTES + elementEnd(view, leaf, 0) - elementEnd(view, leaf, count);
}

export function leafFree(region: Region, leaf: number): number {
  return LEAF_ROOM_BYTES - leafUsed(region, leaf);
}

/**
 * Lowers the starts in the slots at places `from` to `to` by `bytes`, and moves the slots by `places`.
 * Two slots at a time: no start leaves its bits, so nothing is carried from one to the other.
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
  const first = placeAt(leaf, from);
  const end = placeAt(leaf, to);
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
 * Moves the elements so that all free bytes and slots are at the front: as many elements of `size`
 * bytes as there is room for then fill the page to its end.
 */
function openFront(region: Region, leaf: number, size: number): void {
  const { words, view } = region;
  const count = leafCount(words, leaf);
  const before = leafFront(words, leaf);
  const front = Math.floor(leafFree(region, leaf) / (size + SLOT_BYTES));
  const end = elementEnd(view, leaf, 0);
  const low = elementEnd(view, leaf, count);
  const lower = end - leaf - (PAGE_BYTES - front * size);
  const places = front - before;
  // Slots that move down make room for the bytes, and bytes for slots that move up.
  if (places < 0) shiftSlots(view, leaf, before, before + count, lower, places);
  moveBytes(region, low - lower, low, end - low);
  if (places >= 0) shiftSlots(view, leaf, before, before + count, lower, places);
  setLeafFront(words, leaf, front);
  view.setUint16(placeAt(leaf, front - 1), end - leaf - lower, true);
}

/** Moves the elements over the free slots and bytes at the front. */
function closeFront(region: Region, leaf: number): void {
  const { words, view } = region;
  const front = leafFront(words, leaf);
  const count = leafCount(words, leaf);
  const end = elementEnd(view, leaf, 0);
  const low = elementEnd(view, leaf, count);
  const gap = leaf + PAGE_BYTES - end;
  moveBytes(region, low + gap, low, end - low);
  shiftSlots(view, leaf, front, front + count, 0 - gap, 0 - front);
  setLeafFront(words, leaf, 0);
}

/** Closes the front when there is less room between the slots and the last element. */
function makeRoomBehind(region: Region, leaf: number, bytes: number): void {
  const { words, view } = region;
  // Without a front all room is there.
  if (leafFront(words, leaf) === 0) return;
  const count = leafCount(words, leaf);
  if (elementEnd(view, leaf, count) - slotAt(view, leaf, count) < bytes) closeFront(region, leaf);
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
  if (index === 0 && count > 0) {
    const fits = leafFront(words, leaf) > 0 && fitsFront(region, leaf, size);
    if (fits || widensFront(region, leaf, size)) return openFirst(region, leaf, form, size);
  }
  makeRoomBehind(region, leaf, size + SLOT_BYTES);
  const end = elementEnd(view, leaf, index);
  if (index < count) {
    const front = leafFront(words, leaf);
    const low = elementStart(view, leaf, count - 1);
    moveBytes(region, low - size, low, end - low);
    shiftSlots(view, leaf, front + index, front + count, size, 1);
  }
  view.setUint16(slotAt(view, leaf, index), (form << FORM_SHIFT) | (end - size - leaf), true);
  setLeafCount(words, leaf, count + 1);
  return end - size;
}

/** Opens the front for a number of elements, if there is room for some: their neighbours may follow. */
function widensFront(region: Region, leaf: number, size: number): boolean {
  if (leafFree(region, leaf) < (size + SLOT_BYTES) * FRONT_ELEMENTS_MIN) return false;
  openFront(region, leaf, size);
  return true;
}

/** Whether an element fits before the first one. In the last free slot it has to end with the page. */
function fitsFront({ words, view }: Region, leaf: number, size: number): boolean {
  const left = leaf + PAGE_BYTES - elementEnd(view, leaf, 0) - size;
  return leafFront(words, leaf) === 1 ? left === 0 : left >= 0;
}

/** The element that becomes the first one starts where the first one ended, as its slot says. */
function openFirst({ words, view }: Region, leaf: number, form: number, size: number): number {
  const front = leafFront(words, leaf) - 1;
  const at = placeAt(leaf, front);
  const start = view.getUint16(at, true) & START_MASK;
  view.setUint16(at, (form << FORM_SHIFT) | start, true);
  if (front > 0) view.setUint16(at - SLOT_BYTES, start + size, true);
  setLeafFront(words, leaf, front);
  setLeafCount(words, leaf, leafCount(words, leaf) + 1);
  return leaf + start;
}

/** Removes `removed` elements from element `index` on. */
export function closeElements(region: Region, leaf: number, index: number, removed: number): void {
  const { words, view } = region;
  const count = leafCount(words, leaf);
  const front = leafFront(words, leaf);
  const after = index + removed;
  if (removed === count) setLeafFront(words, leaf, 0);
  else if (index === 0) setLeafFront(words, leaf, front + removed);
  else if (after < count) {
    const end = elementEnd(view, leaf, index);
    const start = elementStart(view, leaf, after - 1);
    const low = elementStart(view, leaf, count - 1);
    const gap = end - start;
    moveBytes(region, low + gap, low, start - low);
    shiftSlots(view, leaf, front + after, front + count, 0 - gap, 0 - removed);
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
  const growth = size - (elementEnd(view, leaf, index) - elementStart(view, leaf, index));
  makeRoomBehind(region, leaf, growth);
  const count = leafCount(words, leaf);
  const end = elementEnd(view, leaf, index);
  const start = elementStart(view, leaf, index);
  if (growth !== 0 && index + 1 < count) {
    const front = leafFront(words, leaf);
    const low = elementStart(view, leaf, count - 1);
    moveBytes(region, low - growth, low, start - low);
    shiftSlots(view, leaf, front + index + 1, front + count, growth, 0);
  }
  view.setUint16(slotAt(view, leaf, index), (form << FORM_SHIFT) | (end - size - leaf), true);
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
  const needed = end - start + (to - from) * SLOT_BYTES;
  makeRoomBehind(region, target, needed);
  const count = leafCount(words, target);
  const targetEnd = elementEnd(view, target, count);
  copyBytes(region, targetEnd - (end - start), region, start, end - start);
  const lower = end - leaf - (targetEnd - target);
  let at = slotAt(view, target, count);
  let source = slotAt(view, leaf, from);
  for (let i = from; i < to; i++) {
    view.setUint16(at, view.getUint16(source, true) - lower, true);
    at += SLOT_BYTES;
    source += SLOT_BYTES;
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
