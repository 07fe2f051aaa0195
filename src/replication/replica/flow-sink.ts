/**
 * One flow of the replica: takes the bytes of blocks (wire.ts), checks them, and applies them to the
 * shards. The counterpart of FlowSource.
 *
 *   bytes ─▶ blocks ─▶ FRAME, ENTRIES: straight into the tables
 *                  └─▶ JOURNAL: records ─▶ effects through the dispatcher, and into our own ring at
 *                      the same LSN, so that others can be served from here
 *
 * A block takes effect when it is there whole and its checksum is right; a record when it is there
 * whole. A shard whose stream has come to a transaction's part that has to wait (ReplicaBoard) keeps
 * what comes after it; the other shards of the flow go on, as their streams may bring what it waits
 * for. `poll` lets it go on.
 *
 * Belongs to one thread. Whatever comes in, nothing is thrown: `failed` says what was wrong.
 */
import { Region } from '../../base/region.js';
import { RECORD_BYTES_MAX } from '../../journal/record.js';
import type { JournalRing } from '../../journal/ring.js';
import type { Shards } from '../../keyspace/shards.js';
import {
  align8,
  BLOCK_BYTES_MAX,
  BLOCK_CLEAR,
  BLOCK_CUT,
  BLOCK_ENTRIES,
  BLOCK_FRAME,
  BLOCK_HEARTBEAT,
  BLOCK_INCOMPLETE,
  BLOCK_JOURNAL,
  BLOCK_SHARD_DONE,
  BLOCK_WRONG,
  Block,
  ENTRY_HEADER_BYTES,
  FRAME_PAYLOAD_HEADER_BYTES,
  readBlock,
} from '../wire.js';
import { type EffectTarget, isTransaction, RecordApplier } from './record-applier.js';
import { type ReplicaBoard, SUM_BYTES, SUM_KEYS, SUM_RECORDS } from './replica-board.js';
import { ShardWriter } from './shard-writer.js';
import { SinkShard } from './sink-shard.js';

export interface FlowSinkOptions {
  readonly shards: Shards;
  /** Our own rings, which go on at the primary's LSNs; null with another number of shards. */
  readonly rings: readonly JournalRing[] | null;
  readonly primaryShards: number;
  /** The primary's shards that come over this flow. */
  readonly mine: readonly number[];
  readonly board: ReplicaBoard;
  readonly target: EffectTarget;
  /** Kinds of entries that we know, as bits. */
  readonly kinds: number;
  /** Memory to receive into, longer than a block; made when it is not given. */
  readonly buffer?: Region;
}

const ANOTHER_FAILED = 'another flow failed';
/** Records applied under one hold of a lock. */
const BATCH = 32;
/** Entries stored under one hold of a lock. */
const ENTRIES_BATCH = 64;
const BUFFER_BYTES = 4 * BLOCK_BYTES_MAX;
/** Read at once: little enough to be in the processor's cache when it is applied. */
const READ_BYTES = 512 * 1024;
/** What may pile up behind transactions that wait, over all shards of the flow. */
const KEPT_BYTES_MAX = 512 << 20;

export class FlowSink {
  /** Why the link has to be closed, in words for the log. */
  failed: string | null = null;
  private readonly sinks: (SinkShard | undefined)[] = [];
  private readonly writer: ShardWriter;
  private readonly applier: RecordApplier;
  private readonly buffer: Region;
  /** What was received and not taken yet: from start to end. */
  private start = 0;
  private end = 0;
  private readonly block = new Block();
  private keys = 0;
  private closed = false;

  constructor(private readonly options: FlowSinkOptions) {
    const { shards, primaryShards, kinds, mine, board } = options;
    this.buffer = options.buffer ?? new Region(new SharedArrayBuffer(BUFFER_BYTES), 0);
    if (this.buffer.length <= BLOCK_BYTES_MAX) throw new Error('a sink needs room for a block');
    this.writer = new ShardWriter(shards, primaryShards, kinds);
    const { target, rings } = options;
    this.applier = new RecordApplier(this.writer, board, target, rings, primaryShards);
    for (const shard of mine) {
      const sink = new SinkShard(shard);
      sink.done = board.isDone(shard);
      sink.begun = sink.done;
      sink.received = board.progress[shard]!;
      this.sinks[shard] = sink;
    }
  }

  /** Where the next bytes may be read to, so that they need not be copied; then `received`. */
  get target(): Uint8Array {
    return this.buffer.bytes.subarray(
      this.end,
      Math.min(this.end + READ_BYTES, this.buffer.length),
    );
  }

  /** So many bytes were read into `target`. */
  received(length: number): void {
    if (this.failed !== null || this.closed) return;
    this.end += length;
    try {
      this.consume();
    } catch (error) {
      this.broken(error);
    }
    const { board } = this.options;
    board.add(SUM_BYTES, length);
    if (this.keys > 0) board.add(SUM_KEYS, this.keys);
    if (this.applier.records > 0) board.add(SUM_RECORDS, this.applier.records);
    this.keys = 0;
    this.applier.records = 0;
  }

  /** The same for bytes that lie elsewhere. */
  feed(bytes: Uint8Array, length = bytes.length): void {
    for (let at = 0; at < length && this.failed === null; ) {
      const part = Math.min(length - at, this.buffer.length - this.end);
      this.buffer.bytes.set(bytes.subarray(at, at + part), this.end);
      at += part;
      this.received(part);
    }
  }

  /** Whether shards of this flow wait for parts of transactions: `poll` soon. */
  get waiting(): boolean {
    return this.sinks.some((sink) => sink?.waiting === true);
  }

  /** Lets shards that wait go on where they can. */
  poll(): void {
    if (this.failed !== null || this.closed) return;
    try {
      this.resumeAll();
    } catch (error) {
      this.broken(error);
    }
  }

  /** What is wrong with the bytes is told by values; this is a fault of ours. */
  private broken(error: unknown): void {
    this.writer.unlock();
    // A change may be half done.
    this.options.board.fail();
    this.failed = `internal error: ${error instanceof Error ? (error.stack ?? '') : error}`;
  }

  /** The link is gone: what waits is forgotten. Calls may have to be repeated while it says false. */
  close(): boolean {
    this.closed = true;
    let all = true;
    for (const sink of this.sinks) {
      if (sink?.waiting !== true) continue;
      if (this.options.board.withdraw(sink.shard)) sink.waiting = false;
      else all = false;
    }
    return all;
  }

  private consume(): void {
    const { buffer, block } = this;
    let at = this.start;
    while (this.failed === null) {
      const state = readBlock(buffer, at, this.end, block);
      if (state === BLOCK_INCOMPLETE) break;
      if (state === BLOCK_WRONG) {
        this.failed = 'the bytes of a block are damaged';
        break;
      }
      this.take(block);
      at = block.end;
    }
    if (at === this.end) {
      at = 0;
      this.end = 0;
    } else if (at > 0 && this.buffer.length - at < BLOCK_BYTES_MAX) {
      // The block at hand may not fit in what is left.
      buffer.bytes.copyWithin(0, at, this.end);
      this.end -= at;
      at = 0;
    }
    this.start = at;
    this.resumeAll();
  }

  private take(block: Block): void {
    const sink = this.sinks[block.shard];
    if (sink === undefined) {
      this.failed = `a block of shard ${block.shard}, which is not of this flow`;
      return;
    }
    if (this.options.board.failed) {
      this.failed = ANOTHER_FAILED;
      return;
    }
    this.failed = this.serve(sink, block);
    // The bytes are as they were sent, and still make no sense here: our history is not the
    // primary's, whatever the LSNs say. Continuing again would end the same way.
    if (this.failed !== null) this.options.board.fail();
  }

  private serve(sink: SinkShard, block: Block): string | null {
    const { board } = this.options;
    const { type } = block;
    if (type === BLOCK_HEARTBEAT) {
      board.heads[sink.shard] = block.to;
      return null;
    }
    if (type === BLOCK_CUT) {
      board.cutReached(sink.shard, block.to);
      return null;
    }
    if (type === BLOCK_CLEAR) return this.clear(sink, block);
    if (!sink.begun) return `shard ${sink.shard} was not begun`;
    if (sink.partial !== 0 && sink.partial !== type) return 'a block that should go on does not';
    if (block.more && (sink.done || (type !== BLOCK_JOURNAL && type !== BLOCK_ENTRIES))) {
      return `a block of type ${type} that goes on`;
    }
    if (type === BLOCK_JOURNAL) return this.journal(sink, block);
    if (sink.done) return `a block of type ${type} for shard ${sink.shard}, which is done`;
    if (type === BLOCK_FRAME) return this.frame(sink, block);
    if (type === BLOCK_ENTRIES) return this.entries(sink, block);
    if (type === BLOCK_SHARD_DONE) return this.done(sink, block);
    return `a block of type ${type}`;
  }

  private clear(sink: SinkShard, block: Block): string | null {
    const { board, rings } = this.options;
    const { shard } = sink;
    if (sink.done) {
      if (!board.shardAgain(shard)) return `shard ${shard} was to be cleared after it was done`;
      sink.done = false;
      // Its part of a transaction may wait for others, or another thread be about to apply it.
      while (!board.withdraw(shard));
      sink.waiting = false;
    }
    this.writer.lock(shard);
    this.writer.clear(shard);
    if (rings !== null) rings[shard]!.reset(block.to);
    board.progress[shard] = block.to;
    this.writer.unlock();
    sink.begun = true;
    sink.partial = 0;
    sink.emptied();
    sink.received = block.to;
    return null;
  }

  private done(sink: SinkShard, block: Block): string | null {
    const { board, rings } = this.options;
    const { shard } = sink;
    if (block.to < sink.received) return `shard ${shard} was done before it began`;
    this.writer.lock(shard);
    if (rings !== null) rings[shard]!.reset(block.to);
    board.progress[shard] = block.to;
    this.writer.unlock();
    sink.received = block.to;
    sink.done = true;
    board.shardDone(shard);
    return null;
  }

  private frame(sink: SinkShard, block: Block): string | null {
    const { writer, buffer } = this;
    const { shard } = sink;
    if (!writer.same) return 'a frame for another number of shards';
    if (block.length < FRAME_PAYLOAD_HEADER_BYTES) return 'a frame that is cut off';
    const words = buffer.words;
    const at = block.payload >> 2;
    const database = words[at]! >>> 0;
    const bytes = words[at + 1]! >>> 0;
    const runs = words[at + 2]! >>> 0;
    const frameAt = block.payload + FRAME_PAYLOAD_HEADER_BYTES;
    const total = FRAME_PAYLOAD_HEADER_BYTES + align8(bytes & 0xfffffff) + runs;
    if (bytes > block.length || total !== block.length) return 'a frame of another length';
    if (database >= this.options.shards.databases) return `a frame of database ${database}`;
    writer.lock(shard);
    const runsAt = frameAt + align8(bytes);
    const wrong = writer.frame(shard, database, buffer, frameAt, bytes, runsAt, runs);
    writer.unlock();
    this.keys += words[at + 3]!;
    return wrong;
  }

  /** Keeps a block of several until the last of them is there. */
  private whole(sink: SinkShard, block: Block): boolean {
    if (block.more || sink.partial !== 0) {
      sink.append(this.buffer, block.payload, block.length);
      sink.partial = block.more ? block.type : 0;
    }
    return !block.more;
  }

  private entries(sink: SinkShard, block: Block): string | null {
    const kept = sink.partial !== 0;
    if (!this.whole(sink, block)) return this.tooMuch();
    if (!kept) {
      return this.storeEntries(
        sink.shard,
        this.buffer,
        block.payload,
        block.payload + block.length,
      );
    }
    const wrong = this.storeEntries(sink.shard, sink.region, sink.start, sink.end);
    sink.emptied();
    return wrong;
  }

  private storeEntries(shard: number, region: Region, from: number, end: number): string | null {
    const { writer } = this;
    let wrong: string | null = null;
    let at = from;
    while (at < end && wrong === null) {
      writer.lock(shard);
      for (let i = 0; i < ENTRIES_BATCH && at < end && wrong === null; i++) {
        const next = entryEnd(region, at, end);
        wrong = next < 0 ? 'an entry that is cut off' : this.storeEntry(shard, region, at);
        at = next;
      }
      writer.unlock();
    }
    return wrong;
  }

  private storeEntry(shard: number, region: Region, at: number): string | null {
    const { view } = region;
    const keyLength = view.getUint32(at + 8, true);
    const keyAt = at + ENTRY_HEADER_BYTES;
    this.keys++;
    return this.writer.entry(
      shard,
      view.getUint16(at + 4, true),
      region,
      view.getUint8(at),
      view.getFloat64(at + 16, true),
      keyAt,
      keyLength,
      keyAt + keyLength,
      view.getUint32(at + 12, true),
    );
  }

  private journal(sink: SinkShard, block: Block): string | null {
    return sink.done ? this.stream(sink, block) : this.updates(sink, block);
  }

  /** Records that travel with a full sync: those on what was shipped. */
  private updates(sink: SinkShard, block: Block): string | null {
    const { board } = this.options;
    if (block.from < sink.received) return 'updates that were sent before';
    const kept = sink.partial !== 0;
    if (!this.whole(sink, block)) return this.tooMuch();
    const region = kept ? sink.region : this.buffer;
    const from = kept ? sink.start : block.payload;
    const end = kept ? sink.end : block.payload + block.length;
    for (let at = from; at < end; ) {
      const wrong =
        this.applier.check(sink.shard, region, at, end, -1) ?? this.alone(sink, region, at);
      if (wrong !== null) return wrong;
      at += region.view.getUint32(at, true);
    }
    if (kept) sink.emptied();
    sink.received = block.to;
    this.writer.lock(sink.shard);
    board.progress[sink.shard] = block.to;
    this.writer.unlock();
    return null;
  }

  /** Applies a record of the walk by itself. */
  private alone(sink: SinkShard, region: Region, offset: number): string | null {
    if (isTransaction(region, offset)) this.options.board.aloneDuringFullSync(region, offset);
    this.writer.lock(sink.shard);
    const wrong = this.applier.applyRecord(sink.shard, region, offset);
    this.writer.unlock();
    return wrong;
  }

  /** The stream of a shard that is complete. */
  private stream(sink: SinkShard, block: Block): string | null {
    const { shard } = sink;
    if (block.from !== sink.received || block.to - block.from !== block.length) {
      return `shard ${shard} goes on at ${block.from}, but was received up to ${sink.received}`;
    }
    if (block.length % 4 !== 0) return 'a stream cut within a word';
    sink.received = block.to;
    if (sink.waiting || sink.start < sink.end) {
      sink.append(this.buffer, block.payload, block.length);
      return sink.waiting ? this.tooMuch() : this.resume(sink);
    }
    const end = block.payload + block.length;
    const at = this.run(sink, this.buffer, block.payload, end);
    if (at < end) sink.append(this.buffer, at, end - at);
    return this.failed ?? this.tooMuch();
  }

  private tooMuch(): string | null {
    let kept = 0;
    for (const sink of this.sinks) if (sink !== undefined) kept += sink.end - sink.start;
    return kept > KEPT_BYTES_MAX + RECORD_BYTES_MAX ? 'too much waits for a transaction' : null;
  }

  /** Applies what a shard kept. */
  private resume(sink: SinkShard): string | null {
    if (sink.start < sink.end && !sink.waiting) {
      sink.start = this.run(sink, sink.region, sink.start, sink.end);
      if (sink.start === sink.end) sink.emptied();
    }
    return this.failed;
  }

  /** As one transaction may let several shards go on, round and round until none does. */
  private resumeAll(): void {
    for (let moved = true; moved && this.failed === null; ) {
      moved = false;
      for (const sink of this.sinks) {
        if (sink?.waiting !== true || this.failed !== null) continue;
        this.tryTransaction(sink.shard);
        if (this.options.board.waits(sink.shard)) continue;
        sink.waiting = false;
        if (this.failed === null && this.options.board.failed) {
          // What it waited for may have been dropped without being applied.
          this.failed = ANOTHER_FAILED;
          return;
        }
        moved = true;
        this.failed = this.resume(sink) ?? this.failed;
      }
    }
  }

  /**
   * Applies the whole records between two offsets, up to one that has to wait.
   * @returns the offset of what was not applied; sets `failed` when something is wrong
   */
  private run(sink: SinkShard, region: Region, offset: number, end: number): number {
    const { shard } = sink;
    const { board } = this.options;
    let at = offset;
    while (at < end && this.failed === null && !sink.waiting) {
      this.writer.lock(shard);
      let joint = false;
      let wrong: string | null = null;
      let cut = false;
      for (let i = 0; i < BATCH && at < end && wrong === null; i++) {
        const length = end - at < 4 ? 0 : region.view.getUint32(at, true);
        if (length > end - at && length <= RECORD_BYTES_MAX && length % 4 === 0) {
          cut = true;
          break;
        }
        wrong = this.applier.check(shard, region, at, end, board.progress[shard]!);
        joint = wrong === null && isTransaction(region, at);
        if (wrong !== null || joint) break;
        wrong = this.applier.applyAndKeep(shard, region, at, length);
        at += length;
      }
      this.writer.unlock();
      if (wrong !== null) this.failed = wrong;
      if (cut || wrong !== null) return at;
      if (joint) at = this.transaction(sink, region, at);
    }
    return at;
  }

  /** A part of a transaction over several shards. @returns the offset after it */
  private transaction(sink: SinkShard, region: Region, offset: number): number {
    const { board } = this.options;
    const { shard } = sink;
    const length = region.view.getUint32(offset, true);
    if (board.aloneDuringFullSync(region, offset)) {
      this.writer.lock(shard);
      this.failed = this.applier.applyAndKeep(shard, region, offset, length);
      this.writer.unlock();
    } else if (!board.arrive(shard, board.progress[shard]!, region, offset, length)) {
      this.failed = `no room for a transaction's ${length} bytes`;
    } else {
      sink.waiting = true;
      this.tryTransaction(shard);
      // It may have been another thread that applied it, or this one.
      if (!board.waits(shard)) sink.waiting = false;
    }
    return offset + length;
  }

  /** Applies the transaction that a shard waits for, if all of it is there. */
  private tryTransaction(shard: number): void {
    const { board } = this.options;
    const parts = board.take(shard);
    if (parts === null) return;
    this.writer.lockSeveral(parts);
    for (const part of parts) {
      const wrong = this.applier.applyAndKeep(
        part,
        board.arena,
        board.partOffset(part),
        board.partBytes(part),
      );
      if (wrong !== null) this.failed = wrong;
    }
    this.writer.unlock();
    board.finish(parts);
  }
}

/** Where the entry at `at` of an ENTRIES payload ends, or -1 when that is beyond `end`. */
function entryEnd(region: Region, at: number, end: number): number {
  if (end - at < ENTRY_HEADER_BYTES) return -1;
  const key = region.view.getUint32(at + 8, true);
  const value = region.view.getUint32(at + 12, true);
  const bytes = ENTRY_HEADER_BYTES + key + value;
  return bytes > end - at ? -1 : at + align8(bytes);
}
