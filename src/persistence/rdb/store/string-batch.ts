/**
 * Strings of a file on their way into the store. They are gathered, sorted by shard and place, and
 * stored one shard after the other: a key alone meets memory that no cache has, several times over,
 * and has a lock to take. Plain strings stay where the reader has them, in its window, so the batch is to be
 * stored before the window moves. What was decoded goes into a region of the batch's own.
 *
 *     first, second     the window; a region with what is not in it
 *     order             positions by shard, and within a shard by the top bits of the hash
 */
import { giveBack, newRegion } from '../../../base/owned-region.js';
import { copyBytes, type Region } from '../../../base/region.js';
import type { Keyspace } from '../../../keyspace/keyspace.js';
import type { Shards } from '../../../keyspace/shards.js';
import { HashState } from '../../../structures/hash.js';
import type { EntryRows } from '../../../structures/table-filler.js';
import type { RdbKey } from '../visitor.js';
import { expiryFromFile } from './expiry.js';

const STRINGS = 16 * 1024;
/** What is decoded stays in the second level's cache. */
const BYTES = 256 * 1024;
/** Longer ones are stored as they come: what they cost is their bytes. */
export const BATCHED_BYTES_MAX = 2 * 1024;
/** Stored under one hold of a lock, each string counted with what it costs besides its bytes. */
const RUN_BYTES = 64 * 1024;
const STRING_COST_BYTES = 256;
/** Within a shard, by so many bits of the hash. */
const PLACE_BITS = 4;
/** As many shards as there can be, times the places. */
const SHARDS_MAX = 1024;

export class StringBatch implements EntryRows {
  private first: Region;
  private readonly second = newRegion(BYTES);
  /** 1: it lies in the second region. */
  private readonly isKeyOther = new Uint8Array(STRINGS);
  private readonly isValueOther = new Uint8Array(STRINGS);
  count = 0;
  readonly keyOffset = new Int32Array(STRINGS);
  readonly keyLength = new Int32Array(STRINGS);
  readonly valueOffset = new Int32Array(STRINGS);
  readonly valueLength = new Int32Array(STRINGS);
  readonly database = new Int32Array(STRINGS);
  readonly expiry = new Float64Array(STRINGS);
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

  constructor() {
    this.first = this.second;
  }

  /** Whether a string of so many bytes with its key has room. */
  hasRoom(bytes: number): boolean {
    return this.count < STRINGS && this.used + bytes <= BYTES;
  }

  /** @param window where the reader has what has come; the same for all of a batch */
  add(
    key: RdbKey,
    region: Region,
    offset: number,
    length: number,
    fileOffset: number,
    window: Region,
  ): void {
    const at = this.count++;
    this.first = window;
    const isKeyHere = key.region === window;
    const isValueHere = region === window;
    this.isKeyOther[at] = isKeyHere ? 0 : 1;
    this.keyOffset[at] = isKeyHere ? key.offset : this.copy(key.region, key.offset, key.length);
    this.keyLength[at] = key.length;
    this.isValueOther[at] = isValueHere ? 0 : 1;
    this.valueOffset[at] = isValueHere ? offset : this.copy(region, offset, length);
    this.valueLength[at] = length;
    this.database[at] = key.database;
    this.expiry[at] = expiryFromFile(key.expiryMs);
    this.fileOffset[at] = fileOffset;
  }

  private copy(region: Region, offset: number, length: number): number {
    const place = this.used;
    copyBytes(this.second, place, region, offset, length);
    this.used = place + length;
    return place;
  }

  keyRegion(i: number): Region {
    return this.isKeyOther[i] === 0 ? this.first : this.second;
  }

  valueRegion(i: number): Region {
    return this.isValueOther[i] === 0 ? this.first : this.second;
  }

  clear(): void {
    this.count = 0;
    this.used = 0;
  }

  /** Its memory goes back; it is of no more use. */
  close(): void {
    this.clear();
    giveBack(this.second);
  }

  /** Hashes the strings with the present hash key and puts them in order. */
  sort(shards: Shards): void {
    const { count, shard, h1, h2, ends, order, hash } = this;
    const mask = shards.count - 1;
    const places = shards.count << PLACE_BITS;
    ends.fill(0, 0, places);
    for (let i = 0; i < count; i++) {
      const region = this.keyRegion(i);
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

  /** The end of those that are stored under one hold of a lock: of one shard and database, and not too many. */
  endOfRun(from: number): number {
    const { order, keyLength, valueLength, database, shard, count } = this;
    const first = order[from]!;
    let end = from;
    for (let bytes = 0; end < count && bytes < RUN_BYTES; end++) {
      const i = order[end]!;
      if (shard[i] !== shard[first] || database[i] !== database[first]) break;
      bytes += keyLength[i]! + valueLength[i]! + STRING_COST_BYTES;
    }
    return end;
  }

  /** Has the memory read that storing these will meet, all at once: see Table.warm. */
  warm(shards: Shards, from: number, end: number): void {
    const { order, h1 } = this;
    const table = shards.table(this.shardAt(from), this.database[order[from]!]!);
    let read = 0;
    for (let at = from; at < end; at++) read ^= table.warm(h1[order[at]!]!);
    this.lastRead = read;
  }

  /** Finds the key of a string, under the lock of its shard. */
  seek(keys: Keyspace, i: number): void {
    const { keyOffset, keyLength, database, shard, h1, h2 } = this;
    keys.useHash(shard[i]!, h1[i]!, h2[i]!);
    keys.seekHashed(database[i]!, this.keyRegion(i), keyOffset[i]!, keyLength[i]!);
  }
}
