/**
 * How long a hash is in an RDB file of Redis, without compression, as DEBUG OBJECT tells it: what Redis
 * calls a listpack is saved as one, a dictionary as one text after the other.
 */

import type { Region } from '../../base/region.js';
import type { PackedView } from '../../structures/packed/element.js';
import { INTEGER_TEXT_MAX, Int64 } from '../../structures/packed/integer.js';
import { KIND_NAMED_TABLE } from './layout.js';
import type { HashReader } from './reader.js';

const LISTPACK_FRAME_BYTES = 7;
/** Longer numbers are saved as text. */
const INTEGER_TEXT_SAVED_MAX = 11;
const SHORT_MAX = 63;
const MEDIUM_MAX = 16_383;

const integer = new Int64();

/** The integer that an element reads as, or null. */
function integerOf(region: Region, view: PackedView): Int64 | null {
  if (view.isInteger) return view.integer;
  if (view.length > INTEGER_TEXT_MAX) return null;
  return integer.parse(region, view.offset, view.length) ? integer : null;
}

function lengthBytes(length: number): number {
  if (length <= SHORT_MAX) return 1;
  return length <= MEDIUM_MAX ? 2 : 5;
}

/** An element of a listpack: head, bytes, and its own length at the end. */
function listpackBytes(region: Region, view: PackedView): number {
  const bytes = listpackBody(integerOf(region, view), view.length);
  if (bytes <= 127) return bytes + 1;
  if (bytes <= 16_383) return bytes + 2;
  if (bytes <= 2_097_151) return bytes + 3;
  return bytes + (bytes <= 268_435_455 ? 4 : 5);
}

function listpackBody(value: Int64 | null, length: number): number {
  if (value === null) return (length < 64 ? 1 : length < 4096 ? 2 : 5) + length;
  const { number, width } = value;
  if (number >= 0 && number <= 127) return 1;
  if (number >= -4096 && number <= 4095) return 2;
  if (width <= 2) return 3;
  return width <= 4 ? width + 1 : 9;
}

function textBytes(region: Region, view: PackedView): number {
  const value = view.length <= INTEGER_TEXT_SAVED_MAX ? integerOf(region, view) : null;
  if (value !== null && value.width <= 4) return value.width === 3 ? 5 : value.width + 1;
  return lengthBytes(view.length) + view.length;
}

export function savedLength(hash: HashReader): number {
  const region = hash.elementRegion;
  const isListpack = (hash.kind & KIND_NAMED_TABLE) === 0;
  let bytes = isListpack ? LISTPACK_FRAME_BYTES : lengthBytes(hash.size);
  hash.rewind();
  while (hash.next()) {
    const { field, value } = hash;
    bytes += isListpack
      ? listpackBytes(region, field) + listpackBytes(region, value)
      : textBytes(region, field) + textBytes(region, value);
  }
  return isListpack ? bytes + lengthBytes(bytes) : bytes;
}
