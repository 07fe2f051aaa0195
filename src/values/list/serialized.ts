/**
 * The bytes of a list in an RDB file of Redis 7: nodes of listpacks, each up to 8 KiB unless it has a
 * single element, as list-max-listpack-size -2 has it.
 *
 *     number of nodes, and for each node: 2 (a listpack), its length, and the listpack itself
 *
 *     listpack:  6 bytes, for each element its encoding and that one's length backwards, 1 byte
 */
import type { Int64 } from '../../structures/packed/integer.js';
import type { StoredValue } from '../value-type.js';
import { ListReader } from './reader.js';

const LISTPACK_BYTES = 7;
const LISTPACK_BYTES_MAX = 8192;
/** What a quicklist adds for an element when it asks whether a node has room. */
const ELEMENT_MARGIN_BYTES = 8;

const reader = new ListReader();

/** Bytes of a length in an RDB file. */
function lengthBytes(length: number): number {
  if (length < 64) return 1;
  return length < 16384 ? 2 : 5;
}

function integerBytes({ high, low, width }: Int64): number {
  if (high === 0 && low >= 0 && low < 128) return 1;
  if (high === low >> 31 && low >= -4096 && low < 4096) return 2;
  if (width <= 4) return 1 + Math.max(2, width);
  return 9;
}

function textBytes(length: number): number {
  if (length < 64) return 1 + length;
  return length < 4096 ? 2 + length : 5 + length;
}

/** Bytes of an element's length, read backwards. */
function backwardBytes(bytes: number): number {
  if (bytes < 128) return 1;
  if (bytes < 16384) return 2;
  if (bytes < 2097152) return 3;
  return bytes < 268435456 ? 4 : 5;
}

function nodeBytes(listpack: number): number {
  return 1 + lengthBytes(listpack) + listpack;
}

export function serializedList(value: StoredValue): number {
  let nodes = 0;
  let sum = 0;
  let listpack = 0;
  reader.open(value);
  for (let more = reader.seek(0); more; more = reader.next()) {
    reader.read();
    const own = reader.isInteger ? integerBytes(reader.integer) : textBytes(reader.length);
    const fits = listpack + reader.length + ELEMENT_MARGIN_BYTES <= LISTPACK_BYTES_MAX;
    if (listpack > 0 && !fits) {
      sum += nodeBytes(listpack);
      listpack = 0;
    }
    if (listpack === 0) {
      listpack = LISTPACK_BYTES;
      nodes++;
    }
    listpack += own + backwardBytes(own);
  }
  return lengthBytes(nodes) + sum + (listpack > 0 ? nodeBytes(listpack) : 0);
}
