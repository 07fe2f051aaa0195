/**
 * Plain strings of the journal on their way into the store: keyspace/string-batch.ts, as those of an RDB. An
 * effect that stores one, with an expiry or without, is kept in the batch of its shard. The order of effects
 * holds for each key: an effect of another kind stores at first what waits of its shard, where a string with
 * its key may be among that, and so does what is about the whole shard.
 *
 *   effect ──a string──▶ its shard's slot ──full, another database, or `settle`──▶ table
 *      └─────another one──▶ (settle) ──▶ dispatcher
 *
 * Only while data is loaded that nobody sees before all of it is there. All methods but `settleAll` are called
 * under the shard's lock.
 */
import { shownFromPeer } from '../../base/peer-text.js';
import type { Region } from '../../base/region.js';
import type { Keyspace } from '../../keyspace/keyspace.js';
import { StoreFullError } from '../../keyspace/store-full.js';
import { BATCHED_BYTES_MAX, BatchedString, StringBatch } from '../../keyspace/string-batch.js';
import { KIND_STRING } from '../../persistence/rdb/visitor.js';
import { shardFull } from '../../protocol/errors.js';
import type { EffectTarget } from '../../replication/replica/record-applier.js';
import type { Table } from '../../structures/table.js';
import { presize, settle } from '../../structures/table-presize.js';
import type { EffectApplier, WaitingKeys } from './effect-applier.js';

/** The verb in the low three bytes of a word, and the word before a time. */
const VERB = 0x544553;
const VERB_MASK = 0xffffff;
const UNTIL = 0x54415850;
/** Where an effect vector (keyspace/effects.ts) with this verb has the length of its key, and the key. */
const KEY_LENGTH = 11;
const KEY = 15;
const PLAIN_WORDS = 3;
const EXPIRING_WORDS = 5;
/** A time of more digits is no exact number. */
const DIGITS_MAX = 15;
const ZERO = 48;
/** A shard's filter of keys: so many bits of the hash choose one of its bits. */
const FILTER_BITS = 15;
const FILTER_MASK = (1 << FILTER_BITS) - 1;
const FILTER_WORDS = 1 << (FILTER_BITS - 5);
/** From so many strings of a shard on it shows whether they are new: of these, so many. */
const TREND_ROWS_MIN = 512;
const NEW_SHARE_MIN = 0.9;
/** A string that waits may take the place of a large value: other effects take no more pages meanwhile. */
const PAGES_AHEAD_MAX = 128;
const HASH_CHANGED = 'the hash key changed while a journal was loaded';

export class GatheredStrings implements EffectTarget, WaitingKeys {
  /** Where the file has what comes now, and how long it is. */
  fileOffset = 0;
  fileBytes = 0;
  /** What is wrong, and where the file has what it is about. */
  failed: string | null = null;
  failedOffset = 0;
  private readonly keys: Keyspace;
  private readonly batch: StringBatch;
  private readonly string = new BatchedString();
  /** Where strings are stored; of the kind as an effect stores them. */
  private readonly place = { shard: 0, database: 0, kind: 0 };
  /** By shard of the flow, a bit for each key that waits. */
  private readonly filters: Int32Array;
  private readonly filterOf: Int32Array;
  /** By shard: rows that were stored, and whether its table has got its frames for those to come. */
  private readonly stored: Float64Array;
  private readonly isPresized: Uint8Array;
  /** By shard: its free pages when the first of what waits came. */
  private readonly freeBefore: Float64Array;

  /**
   * @param applier runs the effects that are not gathered
   * @param mine the shards of the flow
   */
  constructor(
    private readonly applier: EffectApplier,
    private readonly mine: readonly number[],
  ) {
    this.keys = applier.keys;
    const { shards, types } = this.keys;
    this.place.kind = types.of(KIND_STRING).kinds[0]!;
    this.batch = new StringBatch(shards, mine);
    this.filters = new Int32Array(FILTER_WORDS * mine.length);
    this.filterOf = new Int32Array(shards.count);
    this.stored = new Float64Array(shards.count);
    this.isPresized = new Uint8Array(shards.count);
    this.freeBefore = new Float64Array(shards.count);
    mine.forEach((shard, index) => {
      this.filterOf[shard] = index * FILTER_WORDS;
    });
  }

  apply(shard: number, database: number, region: Region, offset: number): string | null {
    const { batch, string } = this;
    if (!this.read(region, offset)) return this.run(shard, database, region, offset);
    const { keyOffset, keyLength, valueLength } = string;
    if (batch.shardOf(region, keyOffset, keyLength) !== shard) {
      return this.run(shard, database, region, offset);
    }
    const { epoch } = this.keys.shards.keyHash;
    if (batch.count === 0) batch.epoch = epoch;
    else if (batch.epoch !== epoch) throw new Error(HASH_CHANGED);
    if (!batch.hasRoom(shard, database, keyLength + valueLength)) {
      const wrong = this.settle(shard);
      if (wrong !== null) return wrong;
    }
    if (!batch.has(shard)) this.freeBefore[shard] = this.freePages(shard);
    string.database = database;
    string.fileOffset = this.fileOffset;
    batch.add(shard, string);
    const bit = batch.hashedH1 & FILTER_MASK;
    this.filters[this.filterOf[shard]! + (bit >>> 5)]! |= 1 << (bit & 31);
    return null;
  }

  private freePages(shard: number): number {
    return this.keys.shards.spaces[shard]!.freePages;
  }

  /** Whether other effects have taken so much that what waits, and may free some, is to be stored. */
  private isFarBehind(shard: number): boolean {
    return (
      this.batch.has(shard) && this.freeBefore[shard]! - this.freePages(shard) > PAGES_AHEAD_MAX
    );
  }

  private run(shard: number, database: number, region: Region, offset: number): string | null {
    const wrong = this.isFarBehind(shard) ? this.settle(shard) : null;
    if (wrong !== null) return wrong;
    return this.applier.apply(shard, database, region, offset, this);
  }

  /** Reads a vector that stores a short string: the verb, key, value, and perhaps until when. */
  private read(region: Region, offset: number): boolean {
    const { words, view } = region;
    if ((offset & 3) !== 0) return false;
    const word = offset >> 2;
    const count = words[word]!;
    if (count !== PLAIN_WORDS && count !== EXPIRING_WORDS) return false;
    if (words[word + 1] !== 3 || (words[word + 2]! & VERB_MASK) !== VERB) return false;
    const { string } = this;
    const keyLength = view.getInt32(offset + KEY_LENGTH, true);
    if (keyLength < 0 || keyLength > BATCHED_BYTES_MAX) return false;
    const valueOffset = offset + KEY + keyLength + 4;
    const valueLength = view.getInt32(valueOffset - 4, true);
    if (valueLength < 0 || keyLength + valueLength > BATCHED_BYTES_MAX) return false;
    string.keyRegion = region;
    string.keyOffset = offset + KEY;
    string.keyLength = keyLength;
    string.valueRegion = region;
    string.valueOffset = valueOffset;
    string.valueLength = valueLength;
    string.expiry = count === PLAIN_WORDS ? 0 : readUntil(region, valueOffset + valueLength);
    return count === PLAIN_WORDS || string.expiry > 0;
  }

  mayHave(shard: number, h1: number): boolean {
    const bit = h1 & FILTER_MASK;
    return ((this.filters[this.filterOf[shard]! + (bit >>> 5)]! >>> (bit & 31)) & 1) !== 0;
  }

  settle(shard: number): string | null {
    const { batch, keys, filterOf } = this;
    if (this.failed !== null || !batch.has(shard)) return this.failed;
    const { shards } = keys;
    shards.assertLocked(shard);
    if (shards.keyHash.epoch !== batch.epoch) throw new Error(HASH_CHANGED);
    batch.open(shard);
    const filter = filterOf[shard]!;
    this.filters.fill(0, filter, filter + FILTER_WORDS);
    const table = shards.table(shard, batch.database);
    const before = table.size;
    for (let from = 0; from < batch.rows && this.failed === null; ) {
      const end = batch.endOfRun(from);
      this.storeRun(from, end);
      from = end;
    }
    this.stored[shard]! += batch.rows;
    if (this.isPresized[shard] === 0) this.expectMore(table, table.size - before);
    return this.failed;
  }

  /**
   * Gives a table the frames that it will have, if it goes on as it begins: of many strings nearly all were
   * new. What else may come instead leaves frames sparse, of a page each, that maintenance merges.
   */
  private expectMore(table: Table, added: number): void {
    const { batch, fileOffset, fileBytes, stored, isPresized } = this;
    const { rows, shard } = batch;
    if (rows < TREND_ROWS_MIN || fileOffset === 0) return;
    isPresized[shard] = 1;
    if (added < rows * NEW_SHARE_MIN) return;
    const more = (stored[shard]! * (fileBytes - fileOffset)) / fileOffset;
    presize(table, table.size + more, table.liveBytes / table.size);
  }

  private storeRun(from: number, end: number): void {
    const { batch, keys, place } = this;
    batch.warm(from, end);
    place.shard = batch.shard;
    place.database = batch.database;
    for (let at = from; at < end && this.failed === null; at++) {
      at = keys.fill(place, batch, at, end);
      if (at < end) this.store(batch.order[at]!);
    }
  }

  private store(index: number): void {
    const { batch, keys, place } = this;
    keys.beginCommand(true);
    batch.seek(keys, index);
    const from = batch.offset[index]! + batch.keyLength[index]!;
    const length = batch.valueLength[index]!;
    try {
      keys.store(place.kind, batch.region, from, length, batch.expiry[index]!, null);
    } catch (error) {
      if (!(error instanceof StoreFullError)) throw error;
      const { shard, shards, shardBytes } = error;
      this.failed = shownFromPeer(shardFull(shard, shards, shardBytes));
      this.failedOffset = batch.fileOffset(index);
      return;
    }
    keys.settle();
  }

  /** Stores all that waits. @returns what went wrong, or null */
  settleAll(): string | null {
    const { mine, batch, isPresized } = this;
    const { shards } = this.keys;
    for (const shard of mine) {
      if (!batch.has(shard) && isPresized[shard] === 0) continue;
      shards.lock(shard);
      try {
        this.settle(shard);
        if (isPresized[shard] !== 0) this.markSparse(shard);
      } finally {
        shards.unlock(shard);
      }
    }
    return this.failed;
  }

  /** Lets maintenance know of frames that have stayed sparse. */
  private markSparse(shard: number): void {
    const { shards } = this.keys;
    for (let database = 0; database < shards.databases; database++) {
      settle(shards.table(shard, database));
    }
  }

  /** Its memory goes back; it is of no more use. */
  close(): void {
    this.batch.close();
  }
}

/**
 * @param mine the streams of the flow: the stream without keys is not among the shards
 * @returns null with another number of shards: there a stream's keys belong to several
 */
export function gatherStrings(
  applier: EffectApplier,
  primaryShards: number,
  mine: readonly number[],
): GatheredStrings | null {
  const { count } = applier.keys.shards;
  const own = mine.filter((stream) => stream < count);
  return primaryShards === count && own.length > 0 ? new GatheredStrings(applier, own) : null;
}

/** @returns the time that the last two words of a vector say, 0 when they are anything else */
function readUntil(region: Region, offset: number): number {
  const { view, bytes } = region;
  if (view.getInt32(offset, true) !== 4 || view.getInt32(offset + 4, true) !== UNTIL) return 0;
  const digits = view.getInt32(offset + 8, true);
  if (digits < 1 || digits > DIGITS_MAX) return 0;
  let time = 0;
  for (let at = offset + 12; at < offset + 12 + digits; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return 0;
    time = time * 10 + digit;
  }
  return time;
}
