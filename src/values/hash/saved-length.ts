/**
 * How long a hash is in an RDB file of Redis, without compression, as DEBUG OBJECT tells it: what Redis
 * calls a listpack is saved as one, a dictionary as one text after the other.
 */
import type { Region } from '../../base/region.js';
import type { PackedView } from '../../structures/packed/element.js';
import { Int64 } from '../../structures/packed/integer.js';
import {
  LISTPACK_BYTES,
  listpackElementBytes,
  savedLengthBytes,
  savedStringBytes,
} from '../saved-length.js';
import { KIND_NAMED_TABLE } from './layout.js';
import type { HashReader } from './reader.js';

const integer = new Int64();

/** The integer that an element reads as, or NaN. */
function integerOf(region: Region, view: PackedView): number {
  if (view.isInteger) return view.integer.number;
  return integer.parse(region, view.offset, view.length) ? integer.number : Number.NaN;
}

export function savedLength(hash: HashReader): number {
  const region = hash.elementRegion;
  const isListpack = (hash.kind & KIND_NAMED_TABLE) === 0;
  const elementBytes = isListpack ? listpackElementBytes : savedStringBytes;
  let bytes = isListpack ? LISTPACK_BYTES : savedLengthBytes(hash.size);
  hash.rewind();
  while (hash.next()) {
    const { field, value } = hash;
    bytes += elementBytes(field.length, integerOf(region, field));
    bytes += elementBytes(value.length, integerOf(region, value));
  }
  return isListpack ? bytes + savedLengthBytes(bytes) : bytes;
}
