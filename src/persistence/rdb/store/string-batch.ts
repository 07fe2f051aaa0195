/**
 * Strings of a file on their way into the store. They are gathered, sorted by shard and place, and
 * stored one shard after the other: a key alone meets memory that no cache has, several times over,
 * and has a lock to take. Bytes stand one after the other in a region of the batch's own, so that
 * what the reader told may go.
 *
 *     region    | key value | key value | ...
 *     order     positions by shard, and within a shard by the top bits of the hash
 */
import { giveBack, newRegion } from '../../../base/owned-region.js';
import { copyBytes, type Region } from '../../../base/region.js';
import type { Keyspace } from '../../../keyspace/keyspace.js';
import type { Shards } from '../../../keyspace/shards.js';
import { HashState } from '../../../structures/hash.js';
import type { RdbKey } from '../visitor.js';

const STRINGS = 8 * 1024;
/** The region stays in the second level's cache. */
const BYTES = 256 * 1024;
/** Longer ones are stored as they come: what they cost is their bytes. */
export const BATCHED_BYTES_MAX = 2 * 1024;
/** Stored under one hold of a lock, each string counted with what it costs besides its bytes. */
const RUN_BYTES = 64 * 1024;
const STRING_COST_BYTES = 256;
/** Within a shard, by so many bits of the hash. */
const PLACE_BITS = 3;
/** As many shards as there can be, times the places. */
const SHARDS_MAX = 1024;

export class StringBatch {
  readonly region = newRegion(BYTES);
  count = 0;
  readonly keyOffset = new Int32Array(STRINGS);
  readonly keyLength = new Int32Array(STRINGS);
  readonly valueLength = new Int32Array(STRINGS);
  readonly database = new Int32Array(STRINGS);
  /** As RdbKey has it. */
  readonly expiryMs = new Float64Array(STRINGS);
  /** Where the value ends in the file. */
  readonly fileOffset = new Float64Array(STRINGS);
  readonly shard = new Int32Array(STRINGS);
  readonly h1 = new Int32Array(STRINGS);
  readonly h2 = new Int32Array(STRINGS);
  /** After `sort`: the strings by shard, from `first` on. */
  readonly order = new Int32Array(STRINGS);
  private readonly ends = new Int32Array((SHARDS_MAX << PLACE_BITS) + 1);
  private readonly hash = new HashState();
  private used = 0;
  /** Without it the compiler would leave out the reads of `warm`. */
  lastRead = 0;

  /** Whether a string of so many bytes with its key has room. */
  hasRoom(bytes: number): boolean {
    return this.count < STRINGS && this.used + bytes <= BYTES;
  }

  add(key: RdbKey, region: Region, offset: number, length: number, fileOffset: number): void {
    const at = this.count++;
    const place = this.used;
    copyBytes(this.region, place, key.region, key.offset, key.length);
    copyBytes(this.region, place + key.length, region, offset, length);
    this.keyOffset[at] = place;
    this.keyLength[at] = key.length;
    this.valueLength[at] = length;
    this.database[at] = key.database;
    this.expiryMs[at] = key.expiryMs;
    this.fileOffset[at] = fileOffset;
    this.used = place + key.length + length;
  }

  clear(): void {
    this.count = 0;
    this.used = 0;
  }

  /** Its memory goes back; it is of no more use. */
  close(): void {
    this.clear();
    giveBack(this.region);
  }

  /** Hashes the strings with the present hash key and puts them in order. */
  sort(shards: Shards): void {
    const { count, shard, h1, h2, ends, order, hash, region } = this;
    const mask = shards.count - 1;
    const places = shards.count << PLACE_BITS;
    ends.fill(0, 0, places);
    for (let i = 0; i < count; i++) {
      const shardHash = shards.keyHash.hash(hash, region, this.keyOffset[i]!, this.keyLength[i]!);
      shard[i] = shardHash & mask;
      h1[i] = hash.h1;
      h2[i] = hash.h2;
      ends[this.placeOf(i)]!++;
    }
    let end = 0;
    for (let place = 0; place < places; place++) {
      end += ends[place]!;
      ends[place] = end;
    }
    for (let i = count - 1; i >= 0; i--) order[--ends[this.placeOf(i)]!] = i;
  }

  private placeOf(i: number): number {
    return (this.shard[i]! << PLACE_BITS) | (this.h1[i]! >>> (32 - PLACE_BITS));
  }

  /** The shard of the string at a place in the order. */
  shardAt(place: number): number {
    return this.shard[this.order[place]!]!;
  }

  /** The end of those that are stored under one hold of a lock: of one shard, and not too many. */
  endOfRun(from: number): number {
    const { order, keyLength, valueLength, count } = this;
    const shard = this.shardAt(from);
    let end = from;
    for (let bytes = 0; end < count && bytes < RUN_BYTES && this.shardAt(end) === shard; end++) {
      bytes += keyLength[order[end]!]! + valueLength[order[end]!]! + STRING_COST_BYTES;
    }
    return end;
  }

  /** Has the memory read that storing these will meet, all at once: see Table.warm. */
  warm(shards: Shards, from: number, end: number): void {
    const { order, database, h1 } = this;
    const shard = this.shardAt(from);
    let read = 0;
    for (let at = from; at < end; at++) {
      const i = order[at]!;
      read ^= shards.table(shard, database[i]!).warm(h1[i]!);
    }
    this.lastRead = read;
  }

  /** Finds the key of a string, under the lock of its shard. */
  seek(keys: Keyspace, i: number): void {
    const { region, keyOffset, keyLength, database, shard, h1, h2 } = this;
    keys.useHash(shard[i]!, h1[i]!, h2[i]!);
    keys.seekHashed(database[i]!, region, keyOffset[i]!, keyLength[i]!);
  }
}
