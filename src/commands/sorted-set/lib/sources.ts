/**
 * The collections that a command combines: where each lies, with its weight, in arrays of numbers, as
 * a command may name a million keys. They are good until a key changes.
 *
 * One source is walked through while members are looked up in others: hence two views of each type.
 */
import type { Region } from '../../../base/region.js';
import type { Keyspace } from '../../../keyspace/keyspace.js';
import { WRONG_TYPE } from '../../../protocol/errors.js';
import { isSortedSetKind } from '../../../values/sorted-set/kinds.js';
import { SortedSetReader } from '../../../values/sorted-set/reader.js';
import { USE_LOOKUP } from '../../../values/sorted-set/views.js';
import type { Context } from '../../contract/context.js';
import type { FoundValue, MemberSource } from './member-source.js';
import { isSetKind, SetSource } from './set-source.js';
import { reader } from './values.js';

const FIRST_CAPACITY = 16;
const KEPT_CAPACITY = 4096;
const NO_VALUE = -1;

/** The regions of all shards, as the places of an Accumulator. */
let regions: readonly Region[] = [];

export function shardRegions({ shards }: Keyspace): readonly Region[] {
  if (regions.length !== shards.count || regions[0] !== shards.spaces[0]!.region) {
    regions = shards.spaces.map((space) => space.region);
  }
  return regions;
}

class Found implements FoundValue {
  space!: FoundValue['space'];
  region!: Region;
  shard = 0;
  kind = 0;
  readonly expiry = 0;
  valueOffset = 0;
  valueLength = 0;
}

const walkedSet = new SetSource();
const soughtSet = new SetSource();
const soughtReader = new SortedSetReader(USE_LOOKUP);

export class Sources {
  count = 0;
  /** Of all shards. */
  regions: readonly Region[] = [];
  private keys!: Keyspace;
  private capacity = 0;
  private shards = new Int32Array(0);
  private kinds = new Int32Array(0);
  private offsets = new Int32Array(0);
  private lengths = new Int32Array(0);
  private sizes = new Float64Array(0);
  private weights = new Float64Array(0);
  private order = new Int32Array(0);
  private readonly found = new Found();

  /** Finds the keys that are arguments `first` to `first + count`. False: an error was answered. */
  load(context: Context, first: number, count: number): boolean {
    const { args, keys, reply } = context;
    this.begin(keys, count);
    for (let i = 0; i < count; i++) {
      this.weights[i] = 1;
      this.order[i] = i;
      this.kinds[i] = NO_VALUE;
      this.sizes[i] = 0;
      if (!keys.seekForRead(args, first + i)) continue;
      if (!isSortedSetKind(keys.kind) && !isSetKind(keys.kind)) {
        reply.error(WRONG_TYPE);
        return false;
      }
      this.note(i);
    }
    return true;
  }

  private begin(keys: Keyspace, count: number): void {
    this.keys = keys;
    this.count = count;
    this.regions = shardRegions(keys);
    if (count <= this.capacity && (this.capacity <= KEPT_CAPACITY || count > KEPT_CAPACITY)) return;
    this.capacity = Math.max(count, FIRST_CAPACITY);
    this.shards = new Int32Array(this.capacity);
    this.kinds = new Int32Array(this.capacity);
    this.offsets = new Int32Array(this.capacity);
    this.lengths = new Int32Array(this.capacity);
    this.sizes = new Float64Array(this.capacity);
    this.weights = new Float64Array(this.capacity);
    this.order = new Int32Array(this.capacity);
  }

  private note(index: number): void {
    const { keys } = this;
    this.shards[index] = keys.shard;
    this.kinds[index] = keys.kind;
    this.offsets[index] = keys.valueOffset;
    this.lengths[index] = keys.valueLength;
    this.sizes[index] = this.walked(index).count;
  }

  setWeight(index: number, weight: number): void {
    this.weights[index] = weight;
  }

  /** Smallest first, so that scores add up in the same order as in Redis. */
  sortBySize(): void {
    this.order.subarray(0, this.count).sort((a, b) => this.sizes[a]! - this.sizes[b]!);
  }

  /** The number of the source at a place of the order. */
  at(place: number): number {
    return this.order[place]!;
  }

  /** Members of all sources. */
  totalSize(): number {
    let total = 0;
    for (let i = 0; i < this.count; i++) total += this.sizes[i]!;
    return total;
  }

  weightOf(index: number): number {
    return this.weights[index]!;
  }

  shardOf(index: number): number {
    return this.shards[index]!;
  }

  exists(index: number): boolean {
    return this.kinds[index] !== NO_VALUE;
  }

  /** A view of a source that is there, to walk through it. */
  walked(index: number): MemberSource {
    return this.attached(index, reader, walkedSet);
  }

  /** The same to look members up. */
  sought(index: number): MemberSource {
    return this.attached(index, soughtReader, soughtSet);
  }

  private attached(index: number, sorted: SortedSetReader, set: SetSource): MemberSource {
    const { found } = this;
    const shard = this.shards[index]!;
    found.shard = shard;
    found.space = this.keys.shards.spaces[shard]!;
    found.region = found.space.region;
    found.kind = this.kinds[index]!;
    found.valueOffset = this.offsets[index]!;
    found.valueLength = this.lengths[index]!;
    const view = isSetKind(found.kind) ? set : sorted;
    view.attach(found);
    return view;
  }
}
