/**
 * A packed value: a small collection in one run of bytes, the value of a table's entry.
 *
 *   0      u16  elements
 *   2      elements one after the other (element.ts), to the end of the value
 *
 * Positions are bytes from the start of the value, so they stay right when the entry moves. What an
 * element takes is known before anything is changed (PackedElement.size), so a change goes like this:
 *
 *   growing     resize the entry, then splice, then write the element
 *   shrinking   splice, then resize the entry
 *
 * The source of an element that is written must not lie in the value itself, which moves: whoever
 * puts an element of a value into the same value copies it first.
 *
 * With a stride of 2 elements are pairs: field and value, member and score. All functions are linear;
 * values are meant to be a few KiB at most, up to 65,535 elements.
 */
import { compareBytes, moveBytes, Region } from '../../base/region.js';
import { elementBytes, type PackedElement, PackedView, scoreAt } from './element.js';
import { INTEGER_TEXT_MAX } from './integer.js';

export const PACKED_HEADER_BYTES = 2;
export const PACKED_COUNT_MAX = 65_535;

/** Writes the header of a packed value: with no elements, all of it. */
export function formatPacked(region: Region, at: number, elements = 0): void {
  region.view.setUint16(at, elements, true);
}

export function packedCount(region: Region, at: number): number {
  return region.view.getUint16(at, true);
}

/** The position `elements` further on; the value has that many. */
export function skipElements(
  region: Region,
  at: number,
  position: number,
  elements: number,
): number {
  let next = at + position;
  for (let i = 0; i < elements; i++) next += elementBytes(region, next);
  return next - at;
}

/** The position of element `index` of at least that many; the value's end for the count itself. */
export function positionOf(region: Region, at: number, index: number): number {
  return skipElements(region, at, PACKED_HEADER_BYTES, index);
}

/**
 * Writes the positions of all elements, for those who go backwards or choose at random.
 * @param positions has room for as many as the value has
 * @returns how many
 */
export function collectPositions(region: Region, at: number, positions: Int32Array): number {
  const count = packedCount(region, at);
  let next = at + PACKED_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    positions[i] = next - at;
    next += elementBytes(region, next);
  }
  return count;
}

/**
 * Seeks an element among every `stride`-th from a position on.
 * @param length bytes of the value
 * @returns its position, or -1
 */
export function findElement(
  region: Region,
  at: number,
  length: number,
  element: PackedElement,
  position: number,
  stride: number,
): number {
  const end = at + length;
  let next = at + position;
  while (next < end) {
    if (element.equals(region, next)) return next - at;
    next += elementBytes(region, next);
    for (let i = 1; i < stride; i++) next += elementBytes(region, next);
  }
  return -1;
}

/** A change of a packed value: see `splice`. Owned by its caller, reused. */
export class Splice {
  /** Where bytes come or go, from the start of the value. */
  position = 0;
  removedBytes = 0;
  insertedBytes = 0;
  /** Elements inserted less elements removed. */
  countDelta = 0;

  /** What the value's length changes by. */
  get growth(): number {
    return this.insertedBytes - this.removedBytes;
  }

  insert(position: number, bytes: number, elements: number): void {
    this.position = position;
    this.removedBytes = 0;
    this.insertedBytes = bytes;
    this.countDelta = elements;
  }

  remove(position: number, bytes: number, elements: number): void {
    this.position = position;
    this.removedBytes = bytes;
    this.insertedBytes = 0;
    this.countDelta = -elements;
  }

  replace(position: number, removedBytes: number, insertedBytes: number): void {
    this.position = position;
    this.removedBytes = removedBytes;
    this.insertedBytes = insertedBytes;
    this.countDelta = 0;
  }
}

/**
 * Moves what lies behind a change, and counts: the caller writes the inserted bytes. The memory has
 * room for the longer of the value before and after.
 * @param length bytes of the value before
 */
export function splice(region: Region, at: number, length: number, change: Splice): void {
  const from = at + change.position + change.removedBytes;
  if (change.growth !== 0 && from < at + length) {
    moveBytes(region, from + change.growth, from, at + length - from);
  }
  if (change.countDelta !== 0) {
    region.view.setUint16(at, packedCount(region, at) + change.countDelta, true);
  }
}

const view = new PackedView();
const text = new Region(new SharedArrayBuffer((INTEGER_TEXT_MAX + 7) & ~7), 0);

/** Compares the bytes of an element with others; those of an integer are its text. */
export function compareAt(
  region: Region,
  at: number,
  source: Region,
  offset: number,
  length: number,
): number {
  view.read(region, at);
  if (!view.isInteger) {
    return compareBytes(region, view.offset, view.length, source, offset, length);
  }
  view.integer.writeText(text, 0, view.length);
  return compareBytes(text, 0, view.length, source, offset, length);
}

/** Whether a pair is not before another one, by score and then member. */
function isNotBefore(
  region: Region,
  pair: number,
  scoreOffset: number,
  score: number,
  source: Region,
  offset: number,
  memberLength: number,
): boolean {
  const own = scoreAt(region, scoreOffset);
  if (own !== score) return own > score;
  return compareAt(region, pair, source, offset, memberLength) >= 0;
}

/**
 * In a value of pairs of member and score, ordered by score and then member: the position of the
 * first pair that is not before this one. (`rank` is its position divided: count the pairs before.)
 */
export function seekScored(
  region: Region,
  at: number,
  length: number,
  score: number,
  source: Region,
  offset: number,
  memberLength: number,
): number {
  const end = at + length;
  let next = at + PACKED_HEADER_BYTES;
  while (next < end) {
    const scoreOffset = next + elementBytes(region, next);
    if (isNotBefore(region, next, scoreOffset, score, source, offset, memberLength)) break;
    next = scoreOffset + elementBytes(region, scoreOffset);
  }
  return next - at;
}

/** What `seekPair` found. Owned by its caller, reused. */
export class PairPlaces {
  /** Position of the pair with the member, or -1. */
  found = -1;
  /** As `seekScored`, for this score. */
  insertAt = -1;
  score = Number.NaN;
}

/**
 * Seeks a member among pairs, and where it belongs with a score: `findElement` and `seekScored` in one
 * walk.
 */
export function seekPair(
  region: Region,
  at: number,
  length: number,
  element: PackedElement,
  score: number,
  source: Region,
  offset: number,
  memberLength: number,
  places: PairPlaces,
): void {
  const end = at + length;
  let next = at + PACKED_HEADER_BYTES;
  let found = -1;
  let insertAt = -1;
  while (next < end) {
    const scoreOffset = next + elementBytes(region, next);
    if (found < 0 && element.equals(region, next)) found = next - at;
    if (insertAt < 0) {
      const isHere = isNotBefore(region, next, scoreOffset, score, source, offset, memberLength);
      if (isHere) insertAt = next - at;
    }
    if (found >= 0 && insertAt >= 0) break;
    next = scoreOffset + elementBytes(region, scoreOffset);
  }
  places.found = found;
  places.insertAt = insertAt < 0 ? length : insertAt;
  places.score = score;
}
