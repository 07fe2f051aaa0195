/**
 * A set of integers in one run of bytes, in ascending order, all of the same width.
 *
 *   0   u8   width: 2, 4 or 8 bytes
 *   1   integers, signed, little endian, to the end of the value
 *
 * The width is that of the widest integer there ever was. Finding is a binary search. As for packed
 * values, the caller resizes the entry: `lengthWith` says how long the value will be.
 */
import { moveBytes, type Region } from '../../base/region.js';
import { Int64 } from './integer.js';

export const EMPTY_BYTES = 1;
const WIDTH_MIN = 2;

const probe = new Int64();

export function formatIntegerSet(region: Region, at: number): void {
  region.bytes[at] = WIDTH_MIN;
}

function widthAt(region: Region, at: number): number {
  return region.bytes[at]!;
}

export function integerCount(region: Region, at: number, length: number): number {
  return (length - 1) / widthAt(region, at);
}

function widthFor(value: Int64): number {
  const width = value.width;
  return width <= 2 ? 2 : width <= 4 ? 4 : 8;
}

export function readInteger(region: Region, at: number, index: number, value: Int64): void {
  const width = widthAt(region, at);
  readAs(region, at, index, width, value);
}

function readAs(region: Region, at: number, index: number, width: number, value: Int64): void {
  const view = region.view;
  const offset = at + 1 + index * width;
  if (width === 8) {
    value.read(region, offset, 8);
    return;
  }
  const low = width === 2 ? view.getInt16(offset, true) : view.getInt32(offset, true);
  value.low = low;
  value.high = low >> 31;
}

function writeAs(region: Region, at: number, index: number, width: number, value: Int64): void {
  const view = region.view;
  const offset = at + 1 + index * width;
  if (width === 2) view.setInt16(offset, value.low, true);
  else view.setInt32(offset, value.low, true);
  if (width === 8) view.setInt32(offset + 4, value.high, true);
}

/** @returns the index of the integer, or -1 less the index where it would go */
export function findInteger(region: Region, at: number, length: number, value: Int64): number {
  let low = 0;
  let high = integerCount(region, at, length);
  const width = widthAt(region, at);
  while (low < high) {
    const middle = (low + high) >> 1;
    readAs(region, at, middle, width, probe);
    const order = probe.compare(value);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -1 - low;
}

/** Bytes of the value when one more integer is in it. */
export function lengthWith(region: Region, at: number, length: number, value: Int64): number {
  const width = Math.max(widthAt(region, at), widthFor(value));
  return 1 + (integerCount(region, at, length) + 1) * width;
}

/**
 * Inserts an integer, widening all others where it needs that. The memory has room for `lengthWith`.
 * @param length bytes of the value before
 * @param index where it goes: see `findInteger`
 */
export function insertInteger(
  region: Region,
  at: number,
  length: number,
  index: number,
  value: Int64,
): void {
  const before = widthAt(region, at);
  const width = Math.max(before, widthFor(value));
  const count = integerCount(region, at, length);
  if (width === before) {
    const from = at + 1 + index * width;
    moveBytes(region, from + width, from, at + length - from);
  } else {
    for (let i = count - 1; i >= 0; i--) {
      readAs(region, at, i, before, probe);
      writeAs(region, at, i < index ? i : i + 1, width, probe);
    }
    region.bytes[at] = width;
  }
  writeAs(region, at, index, width, value);
}

/** Removes an integer: the value is one width shorter then. @returns its new length */
export function removeInteger(region: Region, at: number, length: number, index: number): number {
  const width = widthAt(region, at);
  const from = at + 1 + (index + 1) * width;
  moveBytes(region, from - width, from, at + length - from);
  return length - width;
}

/**
 * Verifies bytes that came from a peer; reads none beyond `length`.
 * @returns what is wrong, '' when nothing is
 */
export function verifyIntegerSet(region: Region, at: number, length: number): string {
  if (length < EMPTY_BYTES || at < 0 || at + length > region.length) return 'out of bounds';
  const width = widthAt(region, at);
  if (width !== 2 && width !== 4 && width !== 8) return `width ${width}`;
  if ((length - 1) % width !== 0) return `${length} bytes`;
  const previous = new Int64();
  for (let i = 0; i < (length - 1) / width; i++) {
    readAs(region, at, i, width, probe);
    if (i > 0 && probe.compare(previous) <= 0) return 'integers out of order';
    previous.low = probe.low;
    previous.high = probe.high;
  }
  return '';
}
