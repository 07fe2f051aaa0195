/**
 * A table with the layout of Lua 5.1's own, so that `pairs` goes in the same order and `#` finds
 * the same border: an array part for the keys 1 to n, and a node part of 2^k nodes for the rest,
 * a chained scatter table with Brent's variation. A key sits at the place its hash says, unless
 * another one that belongs there holds it; then it gets the last free place and is chained. When no
 * place is free, both parts get new sizes: the largest n so that more than half of 1..n is in use.
 *
 *   array    [-, v1, v2, ... vn]      index = key; 0 is never used
 *   node i   nodeKeys[i]  nodeValues[i]  nodeNext[i]    a deleted key keeps its node until then
 *
 * Lookups do not walk the chains, because that needs the hash of the key: up to 8 nodes are
 * scanned, more have a Map from key to node. Only insertion computes Lua's hash.
 */
import { NO_NODE, undefineds, unlinked } from './arrays.js';
import { LuaError, MEMORY_ERROR_TEXT } from './errors.js';
import { meter } from './meter.js';
import type { LuaValue } from './values.js';

const SCAN_NODES_MAX = 8;
const ARRAY_BITS_MAX = 26;
/** Estimates of what V8 takes. */
const TABLE_BYTES = 120;
const NODE_BYTES = 80;
const PLACE_BYTES = 24;
const IDENTITY_BYTES = 64;
/** V8's Map has no more entries than 2^24, and its arrays end the process at 2^27 elements. */
const NODE_BITS_MAX = 24;
const ARRAY_SIZE_MAX = 2 ** ARRAY_BITS_MAX;

const NO_KEYS: LuaValue[] = [];
/** The array part of a table without one. A table that gets one has another array: never changed. */
const NO_ITEMS: LuaValue[] = [undefined];
const NO_LINKS: number[] = [];
const SKIPPED_FREE_MAX = 64;
/** Nodes that are placed anew between two looks at the script's time: about a millisecond. */
const MOVED_PORTION = 1024;

const numberBytes = new Float64Array(1);
const numberWords = new Uint32Array(numberBytes.buffer);
let lastIdentity = 0x10000;
const identities = new WeakMap<object, number>();

/** Stands for the address of an object, in `tostring` and for its hash. */
export function identityOf(object: object): number {
  let identity = identities.get(object);
  if (identity === undefined) {
    meter.allocate(IDENTITY_BYTES);
    lastIdentity += 40;
    identity = lastIdentity;
    identities.set(object, identity);
  }
  return identity;
}

/** Lua's hash of a string: long strings are sampled. */
function hashOfString(text: string): number {
  let hash = text.length;
  const step = (text.length >> 5) + 1;
  for (let i = text.length; i >= step; i -= step) {
    hash ^= (hash << 5) + (hash >>> 2) + text.charCodeAt(i - 1);
  }
  return hash >>> 0;
}

/** The node of a key in a node part of `size` nodes, a power of two. */
function mainPosition(key: LuaValue, size: number): number {
  if (typeof key === 'string') return hashOfString(key) & (size - 1);
  if (typeof key === 'number') {
    if (key === 0) return 0;
    numberBytes[0] = key;
    return ((numberWords[0]! + numberWords[1]!) >>> 0) % ((size - 1) | 1);
  }
  if (typeof key === 'boolean') return (key ? 1 : 0) & (size - 1);
  return identityOf(key as object) % ((size - 1) | 1);
}

/** The smallest k with 2^k >= size. */
export function ceilLog2(size: number): number {
  return size <= 1 ? 0 : 32 - Math.clz32(size - 1);
}

function isArrayIndex(key: LuaValue): key is number {
  return typeof key === 'number' && key >= 1 && key <= 2 ** ARRAY_BITS_MAX && Number.isInteger(key);
}

/** Keys counted by slice: counts[k] are those in (2^(k-1), 2^k]. */
const counts = new Int32Array(ARRAY_BITS_MAX + 1);

export class LuaTable {
  array: LuaValue[] = NO_ITEMS;
  nodeKeys: LuaValue[] = NO_KEYS;
  nodeValues: LuaValue[] = NO_KEYS;
  metatable: LuaTable | undefined = undefined;
  /** Tables of the libraries: assignment is an error. */
  isReadonly = false;
  private nodeNext: number[] = NO_LINKS;
  private places: Map<LuaValue, number> | undefined = undefined;
  /** Places from here on are not free. */
  private lastFree = 0;

  constructor(arraySize = 0, nodeSize = 0) {
    meter.allocate(TABLE_BYTES);
    if (arraySize > 0) this.growArray(arraySize);
    if (nodeSize > 0) this.makeNodes(nodeSize);
  }

  /**
   * A table with this array part.
   * @param items as `array` is: nothing at index 0. The table's own from now on
   */
  static ofItems(items: LuaValue[]): LuaTable {
    const table = new LuaTable();
    if (items.length === 1) return table;
    meter.allocate(PLACE_BYTES * (items.length - 1));
    table.array = items;
    return table;
  }

  /** A table with one field and room for no other. */
  static ofField(name: string, value: LuaValue): LuaTable {
    const table = new LuaTable();
    meter.allocate(NODE_BYTES);
    table.nodeKeys = [name];
    table.nodeValues = [value];
    table.nodeNext = [NO_NODE];
    table.lastFree = 1;
    return table;
  }

  /** Places in the array part. */
  get arraySize(): number {
    return this.array.length - 1;
  }

  /** Whether there may be keys that are not in the array part. */
  get hasNodes(): boolean {
    return this.nodeKeys.length > 0;
  }

  get(key: LuaValue): LuaValue {
    if (typeof key === 'number') return this.getNumber(key);
    const node = this.findNode(key);
    return node === NO_NODE ? undefined : this.nodeValues[node];
  }

  getString(key: string): LuaValue {
    const node = this.findNode(key);
    return node === NO_NODE ? undefined : this.nodeValues[node];
  }

  getNumber(key: number): LuaValue {
    const array = this.array;
    if (key > 0 && key < array.length && (key | 0) === key) return array[key];
    const node = this.findNode(key);
    return node === NO_NODE ? undefined : this.nodeValues[node];
  }

  /** Stores without metamethods. The key is neither nil nor NaN. */
  set(key: LuaValue, value: LuaValue): void {
    if (typeof key === 'number') {
      this.setNumber(key, value);
      return;
    }
    this.setNode(key, value);
  }

  setNumber(key: number, value: LuaValue): void {
    const array = this.array;
    if (key > 0 && key < array.length && (key | 0) === key) array[key] = value;
    else this.setNode(key, value);
  }

  setNode(key: LuaValue, value: LuaValue): void {
    const node = this.findNode(key);
    if (node !== NO_NODE) this.nodeValues[node] = value;
    else this.insert(key, value);
  }

  private findNode(key: LuaValue): number {
    const places = this.places;
    if (places !== undefined) return places.get(key) ?? NO_NODE;
    const keys = this.nodeKeys;
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === key && key !== undefined) return i;
    }
    return NO_NODE;
  }

  /** A key that has no node. */
  private insert(key: LuaValue, value: LuaValue): void {
    const size = this.nodeKeys.length;
    if (size === 0) {
      this.rehash(key, value);
      return;
    }
    let place = mainPosition(key, size);
    if (this.nodeValues[place] !== undefined) {
      const free = this.findFree();
      if (free === NO_NODE) {
        this.rehash(key, value);
        return;
      }
      place = this.makeRoom(place, free);
    } else if (this.places !== undefined && this.nodeKeys[place] !== undefined) {
      this.places.delete(this.nodeKeys[place]);
    }
    // -0 and 0 are one key.
    const stored = key === 0 ? 0 : key;
    this.nodeKeys[place] = stored;
    this.nodeValues[place] = value;
    this.places?.set(stored, place);
  }

  /** The place is taken: moves the other key to the free place if it does not belong here. */
  private makeRoom(place: number, free: number): number {
    const next = this.nodeNext;
    const other = this.nodeKeys[place];
    let before = mainPosition(other, this.nodeKeys.length);
    if (before === place) {
      next[free] = next[place]!;
      next[place] = free;
      return free;
    }
    while (next[before] !== place) before = next[before]!;
    next[before] = free;
    next[free] = next[place]!;
    next[place] = NO_NODE;
    this.nodeKeys[free] = other;
    this.nodeValues[free] = this.nodeValues[place];
    this.places?.set(other, free);
    return place;
  }

  private findFree(): number {
    while (this.lastFree-- > 0) {
      if (this.nodeKeys[this.lastFree] === undefined) return this.lastFree;
    }
    return NO_NODE;
  }

  /** Gives both parts the sizes that fit the keys and one more key, then stores that. */
  private rehash(key: LuaValue, value: LuaValue): void {
    if (typeof key !== 'number') {
      if (this.array.length === 1 && this.growNames()) {
        this.insert(key, value);
        return;
      }
    } else if (key === this.array.length && this.growList()) {
      this.array[key] = value;
      return;
    }
    counts.fill(0);
    let arrayKeys = this.countArrayKeys();
    let total = arrayKeys;
    meter.work((this.array.length + this.nodeKeys.length) >> 3);
    for (let i = 0; i < this.nodeKeys.length; i++) {
      if (this.nodeValues[i] === undefined) continue;
      total++;
      arrayKeys += countKey(this.nodeKeys[i]);
    }
    total++;
    arrayKeys += countKey(key);
    const { size, used } = bestArraySize(arrayKeys);
    this.resize(size, total - used);
    this.set(key, value);
  }

  /**
   * Makes room for one more key in a table that has no numbers as keys: the most frequent case.
   * @returns false when it has some
   */
  private growNames(): boolean {
    const { nodeKeys, nodeValues } = this;
    let total = 1;
    for (let i = 0; i < nodeKeys.length; i++) {
      if (nodeValues[i] === undefined) continue;
      if (typeof nodeKeys[i] === 'number') return false;
      total++;
    }
    this.resize(0, total);
    return true;
  }

  /**
   * Makes room for the next element of a list without holes. Of the sizes 2^k the least one that it
   * fits in is the largest one of which more than half is in use.
   * @returns false when the table is something else, or has had its largest array part
   */
  private growList(): boolean {
    const { array } = this;
    const wanted = array.length;
    if (this.nodeKeys.length > 0 || wanted > 1 << ARRAY_BITS_MAX) return false;
    for (let i = 1; i < wanted; i++) if (array[i] === undefined) return false;
    meter.work(wanted >> 3);
    this.growArray(1 << ceilLog2(wanted));
    return true;
  }

  private countArrayKeys(): number {
    const array = this.array;
    let total = 0;
    let slice = 0;
    let sliceEnd = 1;
    for (let i = 1; i < array.length; i++) {
      while (i > sliceEnd) {
        sliceEnd *= 2;
        slice++;
      }
      if (array[i] !== undefined) {
        counts[slice]!++;
        total++;
      }
    }
    return total;
  }

  /**
   * Gives both parts new sizes and places all keys anew, which takes seconds for millions of them. When
   * the script is ended meanwhile, or has no memory, the table is as it was: one of a library lives on.
   */
  private resize(arraySize: number, nodeSize: number): void {
    const { nodeKeys, nodeValues, nodeNext, places, lastFree, array } = this;
    const oldArraySize = this.arraySize;
    try {
      if (arraySize > oldArraySize) this.growArray(arraySize);
      this.makeNodes(nodeSize);
      for (let i = arraySize + 1; i <= oldArraySize; i++) {
        if (i % MOVED_PORTION === 0) meter.work(MOVED_PORTION);
        if (array[i] !== undefined) this.insert(i, array[i]);
      }
      this.placeAll(nodeKeys, nodeValues);
    } catch (thrown) {
      if (array.length > oldArraySize + 1) array.length = oldArraySize + 1;
      this.array = array;
      this.nodeKeys = nodeKeys;
      this.nodeValues = nodeValues;
      this.nodeNext = nodeNext;
      this.places = places;
      this.lastFree = lastFree;
      throw thrown;
    }
    if (arraySize < oldArraySize) array.length = arraySize + 1;
  }

  /** Places the keys of nodes that were replaced, from the last one on. The table has none of them. */
  private placeAll(keys: readonly LuaValue[], values: readonly LuaValue[]): void {
    const { array } = this;
    meter.work((keys.length % MOVED_PORTION) >> 3);
    for (let i = keys.length - 1; i >= 0; i--) {
      if (i % MOVED_PORTION === MOVED_PORTION - 1) meter.work(MOVED_PORTION);
      const value = values[i];
      if (value === undefined) continue;
      const key = keys[i];
      const isItem = typeof key === 'number' && key > 0 && key < array.length && (key | 0) === key;
      if (isItem) array[key] = value;
      else this.insert(key, value);
    }
  }

  /** At least so many places in the array part. Keys of the node part are not moved. */
  growArray(size: number): void {
    const array = this.array;
    if (size > ARRAY_SIZE_MAX) throw new LuaError(MEMORY_ERROR_TEXT);
    meter.allocate(PLACE_BYTES * (size + 1 - array.length));
    if (array.length === 1) this.array = undefineds(size + 1);
    else while (array.length <= size) array.push(undefined);
  }

  /** For constructors: the array part grows, and the nodes are placed anew. */
  reserveArray(size: number): void {
    if (size > this.arraySize) this.resize(size, this.nodeKeys.length);
  }

  private makeNodes(wanted: number): void {
    if (wanted === 0) {
      this.nodeKeys = NO_KEYS;
      this.nodeValues = NO_KEYS;
      this.nodeNext = NO_LINKS;
      this.places = undefined;
      this.lastFree = 0;
      return;
    }
    const bits = ceilLog2(wanted);
    if (bits > NODE_BITS_MAX) throw new LuaError(MEMORY_ERROR_TEXT);
    const size = 1 << bits;
    meter.allocate(NODE_BYTES * size);
    this.nodeKeys = undefineds(size);
    this.nodeValues = undefineds(size);
    this.nodeNext = unlinked(size);
    this.places = size > SCAN_NODES_MAX ? new Map() : undefined;
    this.lastFree = size;
  }

  /** A border: n with t[n] not nil and t[n + 1] nil, the one that Lua finds. */
  length(): number {
    const array = this.array;
    let high = array.length - 1;
    if (high > 0 && array[high] === undefined) {
      let low = 0;
      while (high - low > 1) {
        const middle = (low + high) >>> 1;
        if (array[middle] === undefined) high = middle;
        else low = middle;
      }
      return low;
    }
    return this.nodeKeys.length === 0 ? high : this.borderInNodes(high);
  }

  private borderInNodes(from: number): number {
    let low = from;
    let high = from + 1;
    while (this.getNumber(high) !== undefined) {
      low = high;
      high *= 2;
      if (high > 2 ** 31 - 3) {
        let i = 1;
        while (this.getNumber(i) !== undefined) i++;
        return i - 1;
      }
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.getNumber(middle) === undefined) high = middle;
      else low = middle;
    }
    return low;
  }

  /**
   * The position after `position` that has a value, 0 when there is none. Positions begin with 1:
   * first the array part, then the nodes.
   */
  nextPosition(position: number): number {
    const array = this.array;
    let at = position + 1;
    for (; at < array.length; at++) if (array[at] !== undefined) return at;
    const values = this.nodeValues;
    const base = array.length;
    const from = at - base;
    let i = from;
    while (i < values.length && values[i] === undefined) i++;
    // Over deleted keys: a loop of `next` on them takes quadratic time.
    if (at - position + i - from > SKIPPED_FREE_MAX) meter.work((at - position + i - from) >> 3);
    return i < values.length ? base + i : 0;
  }

  keyAt(position: number): LuaValue {
    const base = this.array.length;
    return position < base ? position : this.nodeKeys[position - base];
  }

  valueAt(position: number): LuaValue {
    const base = this.array.length;
    return position < base ? this.array[position] : this.nodeValues[position - base];
  }

  /** Stores under the key at a position, which has to be one of the nodes. */
  setValueAt(position: number, value: LuaValue): void {
    this.nodeValues[position - this.array.length] = value;
  }

  /** The position of a key, -1 when the table has no such key; 0 for nil. */
  positionOf(key: LuaValue): number {
    if (key === undefined) return 0;
    if (typeof key === 'number' && key > 0 && key < this.array.length && Number.isInteger(key)) {
      return key;
    }
    const node = this.findNode(key);
    return node === NO_NODE ? -1 : this.array.length + node;
  }
}

function countKey(key: LuaValue): number {
  if (!isArrayIndex(key)) return 0;
  counts[ceilLog2(key)]!++;
  return 1;
}

/** The array size n of which more than half is in use, and how many keys go there. */
function bestArraySize(arrayKeys: number): { size: number; used: number } {
  let sum = 0;
  let used = 0;
  let size = 0;
  for (let bits = 0, power = 1; bits <= ARRAY_BITS_MAX && power / 2 < arrayKeys; bits++) {
    if (counts[bits]! > 0) {
      sum += counts[bits]!;
      if (sum > power / 2) {
        size = power;
        used = sum;
      }
    }
    if (sum === arrayKeys) break;
    power *= 2;
  }
  return { size, used };
}
