/**
 * The bytes of a list in an RDB file of Redis 7: nodes of listpacks, each up to 8 KiB unless it has a
 * single element, as list-max-listpack-size -2 has it.
 *
 *     number of nodes, and for each node: 2 (a listpack), its length, and the listpack itself
 *
 *     listpack:  6 bytes, for each element its encoding and that one's length backwards, 1 byte
 */
import { LISTPACK_BYTES, listpackElementBytes, savedLengthBytes } from '../saved-length.js';
import type { StoredValue } from '../value-type.js';
import { ListReader } from './reader.js';

const LISTPACK_BYTES_MAX = 8192;
/** What a quicklist adds for an element when it asks whether a node has room. */
const ELEMENT_MARGIN_BYTES = 8;

const reader = new ListReader();

function nodeBytes(listpack: number): number {
  return 1 + savedLengthBytes(listpack) + listpack;
}

export function serializedList(value: StoredValue): number {
  let nodes = 0;
  let sum = 0;
  let listpack = 0;
  reader.open(value);
  for (let more = reader.seek(0); more; more = reader.next()) {
    reader.read();
    const integer = reader.isInteger ? reader.integer.number : Number.NaN;
    const fits = listpack + reader.length + ELEMENT_MARGIN_BYTES <= LISTPACK_BYTES_MAX;
    if (listpack > 0 && !fits) {
      sum += nodeBytes(listpack);
      listpack = 0;
    }
    if (listpack === 0) {
      listpack = LISTPACK_BYTES;
      nodes++;
    }
    listpack += listpackElementBytes(reader.length, integer);
  }
  return savedLengthBytes(nodes) + sum + (listpack > 0 ? nodeBytes(listpack) : 0);
}
