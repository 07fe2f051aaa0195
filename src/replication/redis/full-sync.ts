/**
 * A full sync of a Redis: an RDB, and the commands that follow it. Nothing is stopped for it and no
 * process forked, so the RDB is of no point in time: each key is as it was when the walk passed it.
 *
 *   walk over the shards ───── entries ─────▶ RDB
 *        │                └─── parts of large collections, as commands ──┐
 *   journals ── effects on keys that were shipped, and only those ───────┴──▶ spill, sent after the RDB
 *
 * It is the walk of a full sync between Darters (primary-flow.ts), with one cursor for each shard, and the
 * same filter of effects. Two things are different. What follows an RDB cannot come between its keys,
 * so it is spilled. And a key may be in an RDB once only, so no shard can be shipped again: where a
 * Darter's would be, the sync ends and the replica asks for another one. FLUSHALL and SWAPDB are among
 * these cases, as they are about all shards for a Redis, also about those that are not shipped yet.
 *
 * Large collections: a value in an RDB is written under one hold of its shard's lock, as the number of
 * its elements comes first. Longer than PART_OF_RDB_BYTES it is shipped in parts, as commands. For who
 * wants nothing but the RDB (`redis-cli --rdb`) all values are in it, and nothing follows.
 *
 * Belongs to one thread; takes locks of streams, one at a time.
 */

import { newRegion } from '../../base/owned-region.js';
import { shownFromPeer } from '../../base/peer-text.js';
import type { Region } from '../../base/region.js';
import { prefixBinary } from '../../base/region.js';
import {
  KIND_KEYLESS,
  KIND_PART,
  partHeaderBytes,
  participants,
  RECORD_KIND,
} from '../../journal/record.js';
import type { JournalRing } from '../../journal/ring.js';
import type { ElementsByVerb } from '../../keyspace/effect-elements.js';
import type { Shards } from '../../keyspace/shards.js';
import { TYPES } from '../../keyspace/types.js';
import { EntryWriter } from '../../persistence/rdb/store/entry-writer.js';
import { RdbWriter, type WriteOptions } from '../../persistence/rdb/writer.js';
import type { Table } from '../../structures/table.js';
import {
  CAPTURED_END,
  CAPTURED_NOTHING,
  CAPTURED_VALUES,
  FullSyncWalk,
  WalkCursor,
} from '../primary/full-sync-walk.js';
import { CHUNK_BYTES, JournalFilter } from '../primary/journal-filter.js';
import { PartFilter } from '../primary/part-filter.js';
import { StreamLocks } from '../stream-locks.js';
import { VALUES_HEADER_BYTES } from '../wire.js';
import { CommandEncoder, type EncoderOptions } from './command-encoder.js';
import type { Spill } from './spill.js';

/** A value that owns more bytes of pages is shipped as commands, in parts. */
const PART_OF_RDB_BYTES = 1 << 20;
const SHOWN_KEY_BYTES_MAX = 64;
const ENDED = 'the data is replaced';

export interface RedisFullSyncOptions {
  readonly shards: Shards;
  readonly rings: readonly JournalRing[];
  /** This thread's number + 1. */
  readonly owner: number;
  readonly elements: ElementsByVerb;
  readonly encoder: EncoderOptions;
  readonly rdb: Partial<WriteOptions>;
  /** Sources of the libraries of functions, a char per byte; under the lock of the stream without keys. */
  readonly libraries: () => readonly string[];
  /** Whether nothing follows the RDB. */
  readonly rdbOnly: boolean;
  /** Whether the RDB has the keys, and the libraries of functions. */
  readonly withKeys: boolean;
  readonly withLibraries: boolean;
  /** Takes the bytes of the RDB, during the call. */
  readonly output: (region: Region, offset: number, length: number) => void;
  readonly spill: Spill;
  /** Whether the journals have another history by now; asked under their locks. */
  readonly isOver: () => boolean;
}

export class RedisFullSync {
  /** Why it cannot go on. */
  failed: string | null = null;
  /** Whether the RDB is complete. */
  isShipped = false;
  /** Keys shipped. */
  keys = 0;
  readonly encoder: CommandEncoder;
  /** By stream: the LSN up to which the RDB and the spill have all; -1: not begun. */
  readonly positions: Float64Array;
  private readonly readers: Int32Array;
  private readonly writer: RdbWriter;
  private readonly entries: EntryWriter;
  private readonly walk: FullSyncWalk;
  private readonly filter: JournalFilter;
  private readonly locks: StreamLocks;
  private readonly cursor = new WalkCursor();
  /** The cursor before the present step. */
  private readonly shipped = new WalkCursor();
  private shard = 0;
  private database = -1;
  private message: Region = newRegion(8192);

  constructor(private readonly options: RedisFullSyncOptions) {
    const { shards, rings, owner, elements, rdbOnly } = options;
    this.encoder = new CommandEncoder(options.encoder);
    this.positions = new Float64Array(rings.length).fill(-1);
    this.readers = new Int32Array(rings.length).fill(-1);
    this.locks = new StreamLocks(shards, rings, owner);
    this.writer = new RdbWriter(options.output, options.rdb);
    this.entries = new EntryWriter(this.writer, TYPES);
    this.filter = new JournalFilter(new PartFilter(shards, elements));
    const partBytes = rdbOnly ? Number.MAX_SAFE_INTEGER : PART_OF_RDB_BYTES;
    this.walk = new FullSyncWalk(shards, TYPES, false, partBytes, {
      entry: (table, database) => this.entry(table, database),
    });
  }

  /** The head of the RDB: settings and libraries. */
  begin(settings: readonly (readonly [name: string, value: string])[]): void {
    const { options, writer, locks } = this;
    const keyless = options.shards.count;
    writer.begin();
    for (const [name, value] of settings) writer.auxiliary(name, value);
    locks.lock(keyless);
    this.attach(keyless);
    const sources = options.withLibraries ? options.libraries() : [];
    locks.unlock(keyless);
    for (const source of sources) {
      const region = newRegion(Math.max(8, source.length));
      region.bytes.set(Buffer.from(source, 'latin1'));
      writer.functionLibrary(region, 0, source.length);
    }
    if (!options.withKeys) this.skipKeys();
  }

  /** What follows counts from here on. */
  private skipKeys(): void {
    const { shards } = this.options;
    for (; this.shard < shards.count; this.shard++) {
      this.locks.lock(this.shard);
      this.attach(this.shard);
      this.locks.unlock(this.shard);
    }
    this.end();
  }

  /** The shard's stream counts from here on. It is locked. */
  private attach(stream: number): void {
    const ring = this.options.rings[stream]!;
    this.positions[stream] = ring.head;
    if (!this.options.rdbOnly) this.readers[stream] = ring.attachReader(ring.head);
  }

  /** Ships what is at the cursor, or what the journal has of the shard before that. Throws nothing. */
  step(): void {
    if (this.isShipped || this.failed !== null) return;
    const { shard, locks, cursor, shipped } = this;
    const isInParts = cursor.part.active;
    locks.lock(shard);
    let captured = CAPTURED_NOTHING;
    let length = 0;
    let kept = 0;
    try {
      if (this.positions[shard] === -1) this.attach(shard);
      length = this.take(shard);
      shipped.copyFrom(cursor);
      // The effects on a collection in parts come before its next part is taken.
      if (isInParts) kept = this.filter.keep(length, cursor);
      const isDrained = this.isAtHead(shard, length);
      if (isDrained && this.failed === null) captured = this.capture(shard);
    } catch (error) {
      this.fail(`internal error: ${error instanceof Error ? error.stack : error}`);
    } finally {
      locks.unlock(shard);
    }
    if (this.failed !== null) return;
    if (!isInParts) kept = this.filter.keep(length, shipped);
    this.spillKept(shard, length, kept);
    if (captured === CAPTURED_VALUES) this.spillParts();
    else if (captured === CAPTURED_END) this.nextShard();
  }

  private capture(shard: number): number {
    const { walk } = this;
    const captured = walk.capture(shard, this.cursor, this.message, 0, this.message);
    this.message = walk.message;
    this.keys += walk.keys;
    return captured;
  }

  /** Takes records out of the ring into the filter. The stream is locked. @returns their bytes */
  private take(stream: number): number {
    const ring = this.options.rings[stream]!;
    if (this.options.rdbOnly) return 0;
    if (this.options.isOver()) this.fail(ENDED);
    else if (!ring.holds(this.positions[stream]!)) {
      this.fail(
        `the journal of shard ${stream} went round, or lost a change, during the full sync`,
      );
    }
    return this.failed === null ? this.filter.take(ring, this.positions[stream]!) : 0;
  }

  private isAtHead(stream: number, length: number): boolean {
    if (this.options.rdbOnly) return true;
    const isShort = length <= CHUNK_BYTES;
    return isShort && this.positions[stream]! + length === this.options.rings[stream]!.head;
  }

  /** Spills the first `kept` bytes of the filter's region, which are left of `length`. */
  private spillKept(stream: number, length: number, kept: number): void {
    if (kept < 0) {
      this.fail('FLUSHALL, FLUSHDB or SWAPDB during the full sync');
      return;
    }
    this.records(stream, this.filter.region, 0, kept);
    this.filter.trim();
    this.positions[stream]! += length;
    this.moveReader(stream);
  }

  private moveReader(stream: number): void {
    const reader = this.readers[stream]!;
    if (reader < 0) return;
    this.locks.lock(stream);
    this.options.rings[stream]!.moveReader(reader, this.positions[stream]!);
    this.locks.unlock(stream);
  }

  /** Encodes records, those of transactions one by one, and spills the commands. */
  private records(stream: number, region: Region, from: number, end: number): void {
    const { encoder, options } = this;
    for (let at = from; at < end; ) {
      const kind = region.bytes[at + RECORD_KIND]!;
      if (kind === KIND_PART) {
        at += partHeaderBytes(participants(region, at));
        continue;
      }
      if (kind === KIND_KEYLESS && stream < options.shards.count) {
        this.fail('FLUSHALL, FLUSHDB or SWAPDB during the full sync');
      }
      encoder.record(stream, region, at);
      at += region.words[at >> 2]!;
    }
    this.spillEncoded();
  }

  /** Spills what the encoder has. */
  spillEncoded(): void {
    const { encoder } = this;
    if (encoder.refused !== '') this.fail(encoder.refused);
    if (this.failed === null) this.spill(encoder.region.bytes.subarray(0, encoder.length));
    encoder.clear();
  }

  spill(bytes: Uint8Array): void {
    try {
      this.options.spill.append(bytes);
    } catch (error) {
      this.fail(
        `what was written during the full sync cannot be kept: ${(error as Error).message}`,
      );
    }
  }

  /** Commands of a collection in parts, or of one that was one. */
  private spillParts(): void {
    this.records(this.shard, this.message, VALUES_HEADER_BYTES, this.walk.payloadBytes);
  }

  private entry(table: Table, database: number): void {
    if (TYPES.hasExpiringElements(table.kind)) {
      const earliest = TYPES.elementExpiry(table.kind).earliest(table);
      if (earliest !== Number.POSITIVE_INFINITY) {
        const { region, keyOffset, keyLength } = table;
        const bytes = Math.min(keyLength, SHOWN_KEY_BYTES_MAX);
        const shown = shownFromPeer(prefixBinary(region, keyOffset, bytes, bytes));
        this.fail(`Redis 7.0 does not know fields that expire, as the hash ${shown} has`);
        return;
      }
    }
    if (database !== this.database) this.writer.selectDatabase(database);
    this.database = database;
    this.entries.write(table);
  }

  private nextShard(): void {
    this.shard++;
    this.cursor.restart();
    if (this.shard === this.options.shards.count) this.end();
  }

  private end(): void {
    this.writer.finish();
    this.isShipped = true;
  }

  /** Whether a shard that was shipped has effects to be spilled. A hint, without locks. */
  get hasEffects(): boolean {
    const { rings } = this.options;
    return this.positions.some(
      (at, stream) => this.isStreaming(stream) && at < rings[stream]!.peekHead(),
    );
  }

  private isStreaming(stream: number): boolean {
    return !this.options.rdbOnly && (stream < this.shard || stream === this.options.shards.count);
  }

  /** Spills the effects on shards that were shipped: a chunk of each. */
  drain(): void {
    const { rings } = this.options;
    for (let stream = 0; stream < rings.length && this.failed === null; stream++) {
      if (!this.isStreaming(stream) || this.positions[stream]! >= rings[stream]!.peekHead())
        continue;
      this.drainChunk(stream, Number.POSITIVE_INFINITY);
    }
  }

  /** Spills all up to these LSNs, none of which is before what was spilled. */
  drainTo(ends: ArrayLike<number>): void {
    for (let stream = 0; stream < ends.length; stream++) {
      while (this.failed === null && this.positions[stream]! < ends[stream]!) {
        this.drainChunk(stream, ends[stream]!);
      }
    }
  }

  private drainChunk(stream: number, end: number): void {
    const { filter, locks } = this;
    locks.lock(stream);
    const taken = this.take(stream);
    locks.unlock(stream);
    if (this.failed !== null) return;
    const at = this.positions[stream]!;
    const { region } = filter;
    let length = 0;
    while (length < taken && at + length < end) length += region.words[length >> 2]!;
    if (length === 0) throw new Error(`full sync: stream ${stream} has nothing at LSN ${at}`);
    this.spillKept(stream, length, length);
  }

  private fail(why: string): void {
    this.failed ??= why;
  }

  /** Gives up its places in the journals. */
  close(): void {
    for (let stream = 0; stream < this.readers.length; stream++) {
      if (this.readers[stream]! < 0) continue;
      this.locks.lock(stream);
      this.options.rings[stream]!.detachReader(this.readers[stream]!);
      this.locks.unlock(stream);
      this.readers[stream] = -1;
    }
    this.encoder.close();
  }
}
