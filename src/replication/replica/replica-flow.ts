/**
 * One flow of the replica: takes the bytes of blocks (wire.ts), checks them, and applies them to
 * the shards. The counterpart of PrimaryFlow.
 *
 *   bytes ─▶ blocks ─▶ FRAME, ENTRIES: into the tables
 *                  └─▶ JOURNAL: records ─▶ effects through the dispatcher, and into the replica's own
 *                      ring at the same LSN, so that it can serve replicas itself
 *
 * A block takes effect when it is complete and its checksum is right, a record when it is complete.
 * A shard whose stream stops at a transaction's part (sync-progress.ts) keeps the bytes that
 * follow. The other shards of the flow continue, as their streams may contain the missing parts.
 * `poll` resumes shards that wait.
 *
 * Belongs to one thread. No input makes it throw: `failed` tells what is wrong.
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
import { type SyncProgress, SUM_BYTES, SUM_KEYS, SUM_RECORDS } from './sync-progress.js';
import { ShardWriter } from './shard-writer.js';
import { ReplicaShard } from './replica-shard.js';

export interface ReplicaFlowOptions {
  readonly shards: Shards;
  /** The replica's rings, which continue the primary's LSNs; null with another number of shards. */
  readonly rings: readonly JournalRing[] | null;
  readonly primaryShards: number;
  /** The primary's shards on this flow. */
  readonly mine: readonly number[];
  readonly progress: SyncProgress;
  readonly target: EffectTarget;
  /** Known kinds of entries: bit k for kind k. */
  readonly kinds: number;
  /** Memory to receive into, longer than a block. Allocated if it is not given. */
  readonly buffer?: Region;
}

const ANOTHER_FAILED = 'another flow failed';
/** Records applied under one hold of a lock. */
const BATCH = 32;
/** Entries stored under one hold of a lock. */
const ENTRIES_BATCH = 64;
const BUFFER_BYTES = 4 * BLOCK_BYTES_MAX;
/** Bytes read at once: few enough to be in the processor's cache when they are applied. */
const READ_BYTES = 512 * 1024;
/** Bound of the bytes kept behind transactions that wait, over all shards of the flow. */
const KEPT_BYTES_MAX = 512 << 20;

export class ReplicaFlow {
  /** Why the link must be closed, for the log. */
  failed: string | null = null;
  private readonly byShard: (ReplicaShard | undefined)[] = [];
  private readonly writer: ShardWriter;
  private readonly applier: RecordApplier;
  private readonly buffer: Region;
  /** The bytes received and not taken yet: from start to end. */
  private start = 0;
  private end = 0;
  private readonly block = new Block();
  private keys = 0;
  private closed = false;

  constructor(private readonly options: ReplicaFlowOptions) {
    const { shards, primaryShards, kinds, mine, progress } = options;
    this.buffer = options.buffer ?? new Region(new SharedArrayBuffer(BUFFER_BYTES), 0);
    if (this.buffer.length <= BLOCK_BYTES_MAX) throw new Error('a flow needs room for a block');
    this.writer = new ShardWriter(shards, primaryShards, kinds);
    const { target, rings } = options;
    this.applier = new RecordApplier(this.writer, progress, target, rings, primaryShards);
    for (const shard of mine) {
      const shardState = new ReplicaShard(shard);
      shardState.done = progress.isDone(shard);
      shardState.begun = shardState.done;
      shardState.received = progress.applied[shard]!;
      this.byShard[shard] = shardState;
    }
  }

  /** Where to read the next bytes to, without a copy. Call `received` after that. */
  get target(): Uint8Array {
    return this.buffer.bytes.subarray(
      this.end,
      Math.min(this.end + READ_BYTES, this.buffer.length),
    );
  }

  /** Takes bytes that were read into `target`. */
  received(length: number): void {
    if (this.failed !== null || this.closed) return;
    this.end += length;
    try {
      this.consume();
    } catch (error) {
      this.broken(error);
    }
    const { progress } = this.options;
    progress.add(SUM_BYTES, length);
    if (this.keys > 0) progress.add(SUM_KEYS, this.keys);
    if (this.applier.records > 0) progress.add(SUM_RECORDS, this.applier.records);
    this.keys = 0;
    this.applier.records = 0;
  }

  /** Takes bytes that lie elsewhere. */
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
    return this.byShard.some((shardState) => shardState?.waiting === true);
  }

  /** Resumes the shards whose transactions can be applied now. */
  poll(): void {
    if (this.failed !== null || this.closed) return;
    try {
      this.resumeAll();
    } catch (error) {
      this.broken(error);
    }
  }

  /** Handles an exception: a fault of this server. Faults of the bytes are values. */
  private broken(error: unknown): void {
    this.writer.unlock();
    // A change may be half done.
    this.options.progress.fail();
    this.failed = `internal error: ${error instanceof Error ? (error.stack ?? '') : error}`;
  }

  /** The link is gone: parked parts are freed. Must be called again while it returns false. */
  close(): boolean {
    this.closed = true;
    let all = true;
    for (const shardState of this.byShard) {
      if (shardState?.waiting !== true) continue;
      if (this.options.progress.withdrawPart(shardState.shard)) shardState.waiting = false;
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
      // The next block may not fit in the rest of the buffer.
      buffer.bytes.copyWithin(0, at, this.end);
      this.end -= at;
      at = 0;
    }
    this.start = at;
    this.resumeAll();
  }

  private take(block: Block): void {
    const shardState = this.byShard[block.shard];
    if (shardState === undefined) {
      this.failed = `a block of shard ${block.shard}, which is not of this flow`;
      return;
    }
    if (this.options.progress.failed) {
      this.failed = ANOTHER_FAILED;
      return;
    }
    this.failed = this.serve(shardState, block);
    // The bytes are as they were sent and still invalid: this data and the primary's history
    // differ.
    // Continuing would fail again, so the next sync must be a full one.
    if (this.failed !== null) this.options.progress.fail();
  }

  private serve(shardState: ReplicaShard, block: Block): string | null {
    const { progress } = this.options;
    const { type } = block;
    if (type === BLOCK_HEARTBEAT) {
      progress.heads[shardState.shard] = block.to;
      return null;
    }
    if (type === BLOCK_CUT) {
      progress.cutReached(shardState.shard, block.to);
      return null;
    }
    if (type === BLOCK_CLEAR) return this.clear(shardState, block);
    if (!shardState.begun) return `shard ${shardState.shard} was not begun`;
    if (shardState.partial !== 0 && shardState.partial !== type)
      return 'a block that should go on does not';
    if (block.more && (shardState.done || (type !== BLOCK_JOURNAL && type !== BLOCK_ENTRIES))) {
      return `a block of type ${type} that goes on`;
    }
    if (type === BLOCK_JOURNAL) return this.journal(shardState, block);
    if (shardState.done)
      return `a block of type ${type} for shard ${shardState.shard}, which is done`;
    if (type === BLOCK_FRAME) return this.frame(shardState, block);
    if (type === BLOCK_ENTRIES) return this.entries(shardState, block);
    if (type === BLOCK_SHARD_DONE) return this.done(shardState, block);
    return `a block of type ${type}`;
  }

  private clear(shardState: ReplicaShard, block: Block): string | null {
    const { progress, rings } = this.options;
    const { shard } = shardState;
    if (shardState.done) {
      if (!progress.reopenShard(shard)) return `shard ${shard} was to be cleared after it was done`;
      shardState.done = false;
      // Its part may be parked, or another thread may be applying it.
      while (!progress.withdrawPart(shard));
      shardState.waiting = false;
    }
    this.writer.lock(shard);
    this.writer.clear(shard);
    if (rings !== null) rings[shard]!.reset(block.to);
    progress.applied[shard] = block.to;
    this.writer.unlock();
    shardState.begun = true;
    shardState.partial = 0;
    shardState.emptied();
    shardState.received = block.to;
    return null;
  }

  private done(shardState: ReplicaShard, block: Block): string | null {
    const { progress, rings } = this.options;
    const { shard } = shardState;
    if (block.to < shardState.received) return `shard ${shard} was done before it began`;
    this.writer.lock(shard);
    if (rings !== null) rings[shard]!.reset(block.to);
    progress.applied[shard] = block.to;
    this.writer.unlock();
    shardState.received = block.to;
    shardState.done = true;
    progress.shardDone(shard);
    return null;
  }

  private frame(shardState: ReplicaShard, block: Block): string | null {
    const { writer, buffer } = this;
    const { shard } = shardState;
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

  /** Keeps the pieces of a payload until the last one. @returns whether the payload is complete */
  private whole(shardState: ReplicaShard, block: Block): boolean {
    if (block.more || shardState.partial !== 0) {
      shardState.append(this.buffer, block.payload, block.length);
      shardState.partial = block.more ? block.type : 0;
    }
    return !block.more;
  }

  private entries(shardState: ReplicaShard, block: Block): string | null {
    const kept = shardState.partial !== 0;
    if (!this.whole(shardState, block)) return this.tooMuch();
    if (!kept) {
      return this.storeEntries(
        shardState.shard,
        this.buffer,
        block.payload,
        block.payload + block.length,
      );
    }
    const wrong = this.storeEntries(
      shardState.shard,
      shardState.region,
      shardState.start,
      shardState.end,
    );
    shardState.emptied();
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

  private journal(shardState: ReplicaShard, block: Block): string | null {
    return shardState.done ? this.stream(shardState, block) : this.updates(shardState, block);
  }

  /** Journal records during the walk of a full sync: those on keys that were shipped. */
  private updates(shardState: ReplicaShard, block: Block): string | null {
    const { progress } = this.options;
    if (block.from < shardState.received) return 'updates that were sent before';
    const kept = shardState.partial !== 0;
    if (!this.whole(shardState, block)) return this.tooMuch();
    const region = kept ? shardState.region : this.buffer;
    const from = kept ? shardState.start : block.payload;
    const end = kept ? shardState.end : block.payload + block.length;
    for (let at = from; at < end; ) {
      const wrong =
        this.applier.check(shardState.shard, region, at, end, -1) ??
        this.alone(shardState, region, at);
      if (wrong !== null) return wrong;
      at += region.view.getUint32(at, true);
    }
    if (kept) shardState.emptied();
    shardState.received = block.to;
    this.writer.lock(shardState.shard);
    progress.applied[shardState.shard] = block.to;
    this.writer.unlock();
    return null;
  }

  /** Applies a record of the walk alone, without the other parts of its transaction. */
  private alone(shardState: ReplicaShard, region: Region, offset: number): string | null {
    if (isTransaction(region, offset)) this.options.progress.appliesAlone(region, offset);
    this.writer.lock(shardState.shard);
    const wrong = this.applier.applyRecord(shardState.shard, region, offset);
    this.writer.unlock();
    return wrong;
  }

  /** Stream bytes of a complete shard. */
  private stream(shardState: ReplicaShard, block: Block): string | null {
    const { shard } = shardState;
    if (block.from !== shardState.received || block.to - block.from !== block.length) {
      return `shard ${shard} goes on at ${block.from}, but was received up to ${shardState.received}`;
    }
    if (block.length % 4 !== 0) return 'a stream cut within a word';
    shardState.received = block.to;
    if (shardState.waiting || shardState.start < shardState.end) {
      shardState.append(this.buffer, block.payload, block.length);
      return shardState.waiting ? this.tooMuch() : this.resume(shardState);
    }
    const end = block.payload + block.length;
    const at = this.run(shardState, this.buffer, block.payload, end);
    if (at < end) shardState.append(this.buffer, at, end - at);
    return this.failed ?? this.tooMuch();
  }

  private tooMuch(): string | null {
    let kept = 0;
    for (const shardState of this.byShard)
      if (shardState !== undefined) kept += shardState.end - shardState.start;
    return kept > KEPT_BYTES_MAX + RECORD_BYTES_MAX ? 'too much waits for a transaction' : null;
  }

  /** Applies the bytes that a shard has kept. */
  private resume(shardState: ReplicaShard): string | null {
    if (shardState.start < shardState.end && !shardState.waiting) {
      shardState.start = this.run(shardState, shardState.region, shardState.start, shardState.end);
      if (shardState.start === shardState.end) shardState.emptied();
    }
    return this.failed;
  }

  /** Resumes shards until none can continue: one transaction may free several shards. */
  private resumeAll(): void {
    for (let moved = true; moved && this.failed === null; ) {
      moved = false;
      for (const shardState of this.byShard) {
        if (shardState?.waiting !== true || this.failed !== null) continue;
        this.tryTransaction(shardState.shard);
        if (this.options.progress.isParked(shardState.shard)) continue;
        shardState.waiting = false;
        if (this.failed === null && this.options.progress.failed) {
          // The transaction may have been dropped without being applied.
          this.failed = ANOTHER_FAILED;
          return;
        }
        moved = true;
        this.failed = this.resume(shardState) ?? this.failed;
      }
    }
  }

  /**
   * Applies the complete records between two offsets, up to one that must wait.
   * @returns the offset after the applied records; sets `failed` when something is wrong
   */
  private run(shardState: ReplicaShard, region: Region, offset: number, end: number): number {
    const { shard } = shardState;
    const { progress } = this.options;
    let at = offset;
    while (at < end && this.failed === null && !shardState.waiting) {
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
        wrong = this.applier.check(shard, region, at, end, progress.applied[shard]!);
        joint = wrong === null && isTransaction(region, at);
        if (wrong !== null || joint) break;
        wrong = this.applier.applyAndKeep(shard, region, at, length);
        at += length;
      }
      this.writer.unlock();
      if (wrong !== null) this.failed = wrong;
      if (cut || wrong !== null) return at;
      if (joint) at = this.transaction(shardState, region, at);
    }
    return at;
  }

  /** Handles a part of a transaction over several shards. @returns the offset after it */
  private transaction(shardState: ReplicaShard, region: Region, offset: number): number {
    const { progress } = this.options;
    const { shard } = shardState;
    const length = region.view.getUint32(offset, true);
    if (progress.appliesAlone(region, offset)) {
      this.writer.lock(shard);
      this.failed = this.applier.applyAndKeep(shard, region, offset, length);
      this.writer.unlock();
    } else if (!progress.parkPart(shard, progress.applied[shard]!, region, offset, length)) {
      this.failed = `no room for a transaction's ${length} bytes`;
    } else {
      shardState.waiting = true;
      this.tryTransaction(shard);
      // This thread or another one may have applied it by now.
      if (!progress.isParked(shard)) shardState.waiting = false;
    }
    return offset + length;
  }

  /** Applies the transaction that a shard waits for, if no part is missing. */
  private tryTransaction(shard: number): void {
    const { progress } = this.options;
    const parts = progress.claimTransaction(shard);
    if (parts === null) return;
    this.writer.lockSeveral(parts);
    for (const part of parts) {
      const wrong = this.applier.applyAndKeep(
        part,
        progress.arena,
        progress.partOffset(part),
        progress.partBytes(part),
      );
      if (wrong !== null) this.failed = wrong;
    }
    this.writer.unlock();
    progress.finishTransaction(parts);
  }
}

/** The end of the entry at `at` of an ENTRIES payload, or -1 when it is beyond `end`. */
function entryEnd(region: Region, at: number, end: number): number {
  if (end - at < ENTRY_HEADER_BYTES) return -1;
  const key = region.view.getUint32(at + 8, true);
  const value = region.view.getUint32(at + 12, true);
  const bytes = ENTRY_HEADER_BYTES + key + value;
  return bytes > end - at ? -1 : at + align8(bytes);
}
