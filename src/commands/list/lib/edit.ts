/**
 * Changes of the list sought, in whichever form it has. Each begins a change and leaves the commit to
 * the command; what finds no room throws before anything has changed. A packed list that outgrows its
 * entry is built anew beside it, with the change, and its root then takes the entry's place.
 */
import type { Keyspace } from '../../../keyspace/keyspace.js';
import { buildFromPacked, writeBuiltRoot } from '../../../values/list/building.js';
import { EMPTY_LIST_BYTES, formatEmpty, ListInsertion } from '../../../values/list/insertion.js';
import { fitsPacked, LIST_PACKED, LIST_SEQUENCE } from '../../../values/list/layout.js';
import { Matches, removeElements, trimElements } from '../../../values/list/removal.js';
import { ListReplacement } from '../../../values/list/replacement.js';
import { LIST_ROOT_BYTES, openSequence, type Sequence } from '../../../values/list/views.js';
import { list } from './values.js';

/** What `insert` inserts. */
export const insertion = new ListInsertion();
/** What `removeMatches` removes. */
export const matches = new Matches();
/** What `replace` replaces. */
export const replacement = new ListReplacement();

/** Elements of the list found. */
function countOf(keys: Keyspace, found: boolean): number {
  if (!found) return 0;
  list.open(keys);
  return list.count;
}

/**
 * Begins inserting `insertion` into the list, or making one of it. A commit follows.
 * @returns how many elements it has now
 * @throws StoreFullError
 */
export function insert(keys: Keyspace, found: boolean): number {
  if (found && keys.kind === LIST_SEQUENCE) {
    const sequence = openSequence(keys);
    if (!insertion.insertInto(sequence)) throw keys.full();
    keys.beginEdit(LIST_SEQUENCE, keys.valueLength, true);
    return sequence.count;
  }
  const count = countOf(keys, found) + insertion.count;
  const length = found ? keys.valueLength : EMPTY_LIST_BYTES;
  const newLength = length + insertion.packedBytes();
  if (fitsPacked(newLength, count)) {
    const at = keys.beginEdit(LIST_PACKED, newLength, found);
    insertion.writePacked(keys.region, at, length);
    return count;
  }
  const sequence = buildFromPacked(keys, found);
  if (sequence === null) throw keys.full();
  if (!insertion.insertInto(sequence)) throw abandoned(keys, sequence);
  beginEditBuilt(sequence, keys, found);
  return count;
}

/**
 * Begins making `insertion` alone the value of the key sought. A commit follows.
 * @throws StoreFullError
 */
export function storeNew(keys: Keyspace): void {
  const length = EMPTY_LIST_BYTES + insertion.packedBytes();
  if (fitsPacked(length, insertion.count)) {
    const at = keys.beginStore(LIST_PACKED, length, 0);
    formatEmpty(keys.region, at);
    insertion.writePacked(keys.region, at, EMPTY_LIST_BYTES);
    return;
  }
  const sequence = buildFromPacked(keys, false);
  if (sequence === null) throw keys.full();
  if (!insertion.insertInto(sequence)) throw abandoned(keys, sequence);
  beginBuilt(sequence, keys, () => keys.beginStore(LIST_SEQUENCE, LIST_ROOT_BYTES, 0));
}

/**
 * Begins putting `replacement` in the place of an element of the list. A commit follows.
 * @throws StoreFullError
 */
export function replace(keys: Keyspace): void {
  if (keys.kind === LIST_SEQUENCE) {
    if (!replacement.replaceIn(openSequence(keys))) throw keys.full();
    keys.beginEdit(LIST_SEQUENCE, keys.valueLength, true);
    return;
  }
  list.open(keys);
  const growth = replacement.measure(keys, list.positionOf(replacement.index));
  const length = keys.valueLength;
  if (fitsPacked(length + growth, list.count)) {
    if (growth <= 0) replacement.move(keys.region, keys.valueOffset, length);
    const at = keys.beginEdit(LIST_PACKED, length + growth, true);
    if (growth > 0) replacement.move(keys.region, at, length);
    replacement.write(keys.region, at);
    return;
  }
  const sequence = buildFromPacked(keys, true);
  if (sequence === null) throw keys.full();
  if (!replacement.replaceIn(sequence)) throw abandoned(keys, sequence);
  beginEditBuilt(sequence, keys, true);
}

/**
 * Begins removing elements of the list, which `list` has open, but not all of them. A commit follows.
 */
export function remove(keys: Keyspace, index: number, count: number): void {
  const length = removeElements(keys, list, index, count);
  keys.beginEdit(keys.kind, length, true);
}

/** Begins leaving only `count` elements from `first` on, one at least. A commit follows. */
export function trim(keys: Keyspace, first: number, count: number): void {
  list.open(keys);
  const length = trimElements(keys, list, first, count);
  keys.beginEdit(keys.kind, length, true);
}

/**
 * Begins removing `matches`. A commit follows when one was removed and the list is not empty then.
 * @returns how many elements are left
 */
export function removeMatches(keys: Keyspace): number {
  list.open(keys);
  const { count } = list;
  matches.remove(keys);
  const left = count - matches.removed;
  if (matches.removed > 0 && left > 0) keys.beginEdit(keys.kind, matches.newLength, true);
  return left;
}

/** Frees what was built in vain. @returns the error of the full shard */
function abandoned(keys: Keyspace, sequence: Sequence): Error {
  sequence.clear();
  return keys.full();
}

/** Writes the root of the list that was built where `begin` makes room. @throws StoreFullError */
function beginBuilt(sequence: Sequence, keys: Keyspace, begin: () => number): void {
  let at = 0;
  try {
    at = begin();
  } catch (error) {
    sequence.clear();
    throw error;
  }
  writeBuiltRoot(keys.region, at);
}

/** The same for a key that keeps its expiry. */
function beginEditBuilt(sequence: Sequence, keys: Keyspace, found: boolean): void {
  beginBuilt(sequence, keys, () => keys.beginEdit(LIST_SEQUENCE, LIST_ROOT_BYTES, found));
}
