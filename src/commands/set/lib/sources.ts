/**
 * The sets that a command combines: where each lies, in arrays of numbers, as a command may name a
 * million keys. They are valid until a key changes; removing keys that have expired moves nothing.
 */
import type { SetPlace } from '../../../values/set/place.js';
import { setTables } from '../../../values/set/tables.js';
import type { Context } from '../../contract/context.js';
import { isSet, place } from './values.js';

const FIRST_CAPACITY = 16;
const KEPT_CAPACITY = 4096;
/** Up to here a sort by hand is faster than preparing another. */
const FEW = 16;
/** Index and size of a source in one number of 53 bits, which sorts by size. */
const INDEX_RANGE = 2 ** 22;

/** One for each thread; reused. */
export class SetSources {
  /** Sources that exist, in the order of the keys until they are sorted. */
  count = 0;
  /** Keys that do not exist, and whether the first is one of them. */
  missing = 0;
  firstIsMissing = false;
  private shard = new Int32Array(FIRST_CAPACITY);
  private kind = new Int32Array(FIRST_CAPACITY);
  private offset = new Int32Array(FIRST_CAPACITY);
  private length = new Int32Array(FIRST_CAPACITY);
  /** By rank: size * INDEX_RANGE + index into the arrays above. */
  private order = new Float64Array(FIRST_CAPACITY);

  /** Finds the keys that are arguments `first` to `end`. @returns false when one holds no set */
  load(context: Context, first: number, end: number): boolean {
    const { args, keys } = context;
    this.begin(end - first);
    for (let i = first; i < end; i++) {
      if (!keys.seekForRead(args, i)) {
        this.missing++;
        if (i === first) this.firstIsMissing = true;
        continue;
      }
      if (!isSet(context)) return false;
      place.take(keys);
      this.add(keys.shard, place);
    }
    return true;
  }

  private begin(capacity: number): void {
    this.count = 0;
    this.missing = 0;
    this.firstIsMissing = false;
    const kept = this.order.length;
    if (capacity <= kept && (kept <= KEPT_CAPACITY || capacity > KEPT_CAPACITY)) return;
    const size = Math.max(capacity, FIRST_CAPACITY);
    this.shard = new Int32Array(size);
    this.kind = new Int32Array(size);
    this.offset = new Int32Array(size);
    this.length = new Int32Array(size);
    this.order = new Float64Array(size);
  }

  private add(shard: number, found: SetPlace): void {
    const index = this.count++;
    this.shard[index] = shard;
    this.kind[index] = found.kind;
    this.offset[index] = found.offset;
    this.length[index] = found.length;
    this.order[index] = found.size * INDEX_RANGE + index;
  }

  /** Describes the source of a rank. */
  open({ keys }: Context, rank: number, into: SetPlace): void {
    const index = this.indexAt(rank);
    const shard = this.shard[index]!;
    const space = keys.shards.spaces[shard]!;
    into.region = space.region;
    into.kind = this.kind[index]!;
    into.offset = this.offset[index]!;
    into.length = this.length[index]!;
    into.tables = setTables.of(space);
  }

  sizeAt(rank: number): number {
    return Math.floor(this.order[rank]! / INDEX_RANGE);
  }

  shardAt(rank: number): number {
    return this.shard[this.indexAt(rank)]!;
  }

  private indexAt(rank: number): number {
    return this.order[rank]! % INDEX_RANGE;
  }

  /** Whether two sources are the same set: one key was named twice. */
  isSame(rank: number, other: number): boolean {
    const a = this.indexAt(rank);
    const b = this.indexAt(other);
    return this.offset[a] === this.offset[b] && this.shard[a] === this.shard[b];
  }

  /** Sorts the sources from a rank on by size, the smallest first. */
  sort(from: number): void {
    const { order, count } = this;
    if (count - from > FEW) {
      order.subarray(from, count).sort();
      return;
    }
    for (let i = from + 1; i < count; i++) {
      const moved = order[i]!;
      let at = i;
      for (; at > from && order[at - 1]! > moved; at--) order[at] = order[at - 1]!;
      order[at] = moved;
    }
  }
}

export const sources = new SetSources();
