/**
 * One flow of the replica: takes the bytes of blocks (wire.ts), checks them, and applies them to
 * the shards. The counterpart of PrimaryFlow.
 *
 *   bytes ─▶ blocks ─▶ FRAME, ENTRIES: into the tables
 *                  └─▶ JOURNAL: records ─▶ effects through the dispatcher, and into the replica's own
 *                      ring at the same LSN, so that it can serve replicas itself
 *
 * A block takes effect when it is complete and its checksum is right, a record when it is complete.
 * A shard whose stream stops at a transaction's part (pending-streams.ts) keeps the bytes that
 * follow. The other shards of the flow continue, as their streams may contain the missing parts.
 * The flow that receives the last part goes on with the shard, whichever flow it belongs to.
 *
 * shard-states.ts tells which block may come in which state of a shard. Belongs to one thread. No
 * input makes it throw: `failed` tells what is wrong.
 */
import { align8 } from '../../base/align.js';
import { moveBytes, Region } from '../../base/region.js';
import { Cut, type NewestCut } from '../../journal/cuts.js';
import { RECORD_BYTES_MAX } from '../../journal/record.js';
import type { JournalRing } from '../../journal/ring.js';
import type { Shards } from '../../keyspace/shards.js';
import { ReceivedFrame } from '../../structures/frame-install.js';
import {
  afterBlock,
  hasPayload,
  isComplete,
  mayContinue,
  REFUSED,
  REPLICA_STATE_NAMES,
  RESUMED,
  WALKING,
} from '../shard-states.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_CLEAR,
  BLOCK_CUT,
  BLOCK_ENTRIES,
  BLOCK_FRAME,
  BLOCK_HEARTBEAT,
  BLOCK_INCOMPLETE,
  BLOCK_JOURNAL,
  BLOCK_POSITIONS,
  BLOCK_SHARD_DONE,
  BLOCK_VALUES,
  BLOCK_WRONG,
  Block,
  FRAME_PAYLOAD_HEADER_BYTES,
  readBlock,
  VALUES_HEADER_BYTES,
} from '../wire.js';
import { readEntry } from './entries-payload.js';
import type { PendingStreams } from './pending-streams.js';
import {
  type EffectTarget,
  isTransaction,
  type KeylessTarget,
  RecordApplier,
} from './record-applier.js';
import { ReplicaShard } from './replica-shard.js';
import { type KeylessLock, ReceivedEntry, ShardWriter } from './shard-writer.js';
import { StreamApplier } from './stream-applier.js';
import { SUM_BYTES, SUM_KEYS, SUM_RECORDS, type SyncProgress } from './sync-progress.js';

/**
 * Bound of the payloads that a replica keeps until their last piece, over all flows: the longest
 * record and 512 MiB. Each flow may exceed it by one block.
 */
const REPLICA_BUFFER_BYTES_MAX = RECORD_BYTES_MAX + (512 << 20);

export interface ReplicaFlowOptions {
  readonly shards: Shards;
  /** The replica's rings, which continue the primary's LSNs; null with another number of shards. */
  readonly rings: readonly JournalRing[] | null;
  /** The replica's stream without keys. */
  readonly keyless: KeylessLock;
  readonly keylessTarget: KeylessTarget;
  readonly primaryShards: number;
  /** The primary's shards on this flow; the stream without keys counts as one more. */
  readonly mine: readonly number[];
  readonly progress: SyncProgress;
  readonly pending: PendingStreams;
  /** Takes the primary's cuts, for replicas of ours; null when there are none. */
  readonly cuts: NewestCut | null;
  readonly target: EffectTarget;
  /** Memory to receive into, longer than a block. Allocated if it is not given. */
  readonly buffer?: Region;
  /** REPLICA_BUFFER_BYTES_MAX if it is not given. */
  readonly bufferBytesMax?: number;
}

const ANOTHER_FAILED = 'another flow failed';
/** Entries stored under one hold of a lock. */
const ENTRIES_BATCH = 64;
const BUFFER_BYTES = 4 * BLOCK_BYTES_MAX;
/** Bytes read at once: few enough to be in the processor's cache when they are applied. */
const READ_BYTES = 512 * 1024;

export class ReplicaFlow {
  /** Why the link must be closed, for the log. */
  failed: string | null = null;
  /** The time, set before bytes are given. */
  nowMs = 0;
  private readonly byShard: (ReplicaShard | undefined)[] = [];
  private readonly writer: ShardWriter;
  private readonly applier: RecordApplier;
  private readonly streams: StreamApplier;
  private readonly buffer: Region;
  private readonly bufferBytesMax: number;
  /** The bytes received and not taken yet: from start to end. */
  private start = 0;
  private end = 0;
  private readonly block = new Block();
  private readonly receivedFrame = new ReceivedFrame();
  private readonly receivedEntry = new ReceivedEntry();
  private readonly receivedCut: Cut;
  /** What the block lies in that is taken. */
  private region: Region;
  /** Since the last count. */
  private bytes = 0;
  private keys = 0;
  private closed = false;

  constructor(private readonly options: ReplicaFlowOptions) {
    const { shards, primaryShards, mine, progress } = options;
    this.buffer = options.buffer ?? new Region(new SharedArrayBuffer(BUFFER_BYTES), 0);
    if (this.buffer.length <= BLOCK_BYTES_MAX) throw new Error('a flow needs room for a block');
    this.region = this.buffer;
    this.bufferBytesMax = options.bufferBytesMax ?? REPLICA_BUFFER_BYTES_MAX;
    this.writer = new ShardWriter(shards, primaryShards, options.keyless);
    this.receivedCut = new Cut(progress.shards);
    const { target, rings, pending, keylessTarget } = options;
    this.applier = new RecordApplier(
      ...([this.writer, progress, target, rings, primaryShards, keylessTarget] as const),
    );
    this.streams = new StreamApplier(this.writer, this.applier, progress, pending);
    for (const shard of mine) this.byShard[shard] = this.openShard(shard);
  }

  /** The state that a shard is in when the link begins. */
  private openShard(shard: number): ReplicaShard {
    const { progress, primaryShards } = this.options;
    const { state, lsn, database, position } = progress.halfStream(shard);
    if (!progress.isFull) return new ReplicaShard(shard, RESUMED, lsn);
    const shardState = new ReplicaShard(shard, state, lsn);
    if (state !== WALKING) return shardState;
    shardState.resumeAt(database, position);
    if (shard === primaryShards) return shardState;
    // A part of a large collection may be there: it is shipped from its beginning.
    this.writer.lock(shard);
    this.writer.removeFrom(shard, database, position);
    this.writer.unlock();
    return shardState;
  }

  /** Bytes received of a block that is not complete; or from the block on that was wrong. */
  get bytesLeft(): number {
    return this.end - this.start;
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
    this.bytes += length;
    this.count();
  }

  /** Takes a block of a stream that was read, and found whole, elsewhere. `count` counts it. */
  takeStream(region: Region, block: Block): void {
    if (this.failed !== null || this.closed) return;
    this.region = region;
    try {
      this.take(block);
    } catch (error) {
      this.broken(error);
    }
    this.region = this.buffer;
    this.bytes += block.length;
  }

  /** Adds what was taken to the sums of the sync. */
  count(): void {
    const { progress } = this.options;
    progress.add(SUM_BYTES, this.bytes);
    if (this.keys > 0) progress.add(SUM_KEYS, this.keys);
    if (this.applier.records > 0) progress.add(SUM_RECORDS, this.applier.records);
    this.bytes = 0;
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

  /** Handles an exception: a fault of this server. Faults of the bytes are values. */
  private broken(error: unknown): void {
    this.streams.release();
    // A change may be half done.
    this.options.progress.fail();
    this.failed = `internal error: ${error instanceof Error ? (error.stack ?? '') : error}`;
  }

  /**
   * The link is gone. What waits for parts of transactions goes with the memory of the sync: other
   * flows may still apply parts of this flow's shards until they are closed as well.
   */
  close(): void {
    this.closed = true;
    for (const shardState of this.byShard) if (shardState !== undefined) this.discard(shardState);
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
      if (this.failed === null) at = block.end;
    }
    if (at === this.end) {
      at = 0;
      this.end = 0;
    } else if (at > 0 && this.buffer.length - at < BLOCK_BYTES_MAX) {
      // The next block may not fit in the rest of the buffer.
      moveBytes(buffer, 0, at, this.end - at);
      this.end -= at;
      at = 0;
    }
    this.start = at;
  }

  private take(block: Block): void {
    const shardState = this.byShard[block.shard];
    if (shardState === undefined) {
      this.failed = `a block of shard ${block.shard}, which is not of this flow`;
    } else if (this.options.progress.failed) {
      this.failed = ANOTHER_FAILED;
      return;
    } else {
      this.failed =
        orderError(shardState, block) ?? this.keysError(block) ?? this.serve(shardState, block);
    }
    // The bytes are as they were sent and still invalid: this data and the primary's history
    // differ.
    // Continuing would fail again, so the next sync must be a full one.
    if (this.failed !== null) this.options.progress.fail();
  }

  /** Blocks with keys may not come in the stream without keys. */
  private keysError({ shard, type }: Block): string | null {
    const hasKeys = type === BLOCK_FRAME || type === BLOCK_ENTRIES;
    if (!hasKeys || shard !== this.options.primaryShards) return null;
    return `a block of type ${type} for the stream without keys`;
  }

  /** Does what a block says, and then changes the shard's state. The order has been checked. */
  private serve(shardState: ReplicaShard, block: Block): string | null {
    const wrong = cursorError(shardState, block) ?? this.perform(shardState, block);
    if (wrong !== null) return wrong;
    const { shard } = shardState;
    shardState.state = afterBlock(shardState.state, block.type);
    if (shardState.state === WALKING && block.type !== BLOCK_HEARTBEAT && !block.more) {
      this.options.progress.walkedTo(shard, block.database, block.position, block.to);
    }
    return null;
  }

  private perform(shardState: ReplicaShard, block: Block): string | null {
    const { progress } = this.options;
    switch (block.type) {
      case BLOCK_CLEAR:
        return this.clear(shardState, block);
      case BLOCK_FRAME:
        return this.frame(shardState, block);
      case BLOCK_ENTRIES:
        return this.entries(shardState, block);
      case BLOCK_VALUES:
        return this.values(shardState, block);
      case BLOCK_JOURNAL:
        return isComplete(shardState.state)
          ? this.stream(shardState, block)
          : this.updates(shardState, block);
      case BLOCK_SHARD_DONE:
        return this.complete(shardState, block);
      case BLOCK_CUT:
        progress.cutReached(shardState.shard, block.to);
        return null;
      case BLOCK_HEARTBEAT:
        progress.headSeen(shardState.shard, block.to, this.nowMs);
        return null;
      case BLOCK_POSITIONS:
        return this.positions(block);
      default:
        return `a block of type ${block.type}`;
    }
  }

  /** A cut of the primary. */
  private positions(block: Block): string | null {
    const { receivedCut: cut, buffer } = this;
    const { lsns } = cut;
    if (block.length !== 8 + lsns.length * 8) return `a cut of ${block.length} bytes`;
    let sum = 0;
    cut.offset = block.to;
    cut.madeMs = buffer.view.getFloat64(block.payload, true);
    for (let shard = 0; shard < lsns.length; shard++) {
      lsns[shard] = buffer.view.getFloat64(block.payload + 8 + shard * 8, true);
      sum += lsns[shard]!;
    }
    if (sum !== cut.offset || !Number.isSafeInteger(cut.madeMs)) {
      return `a cut of ${sum} bytes that says it has ${cut.offset}`;
    }
    this.options.progress.takeCut(cut);
    this.options.cuts?.adopt(cut);
    return null;
  }

  private clear(shardState: ReplicaShard, block: Block): string | null {
    const { progress } = this.options;
    const { shard } = shardState;
    if (isComplete(shardState.state)) {
      if (!progress.reopenShard(shard)) return `shard ${shard} was to be cleared after its cut`;
      this.streams.discard(shard);
    }
    this.writer.lock(shard);
    if (shard === this.options.primaryShards) this.options.keylessTarget.clear();
    else this.writer.clear(shard);
    this.jumpTo(shard, block.to);
    this.writer.unlock();
    shardState.partial = 0;
    this.discard(shardState);
    shardState.received = block.to;
    return null;
  }

  /** The shard's data is that of this LSN now; the replica's own ring begins there. Locked. */
  private jumpTo(shard: number, lsn: number): void {
    const { progress, rings } = this.options;
    if (rings !== null) rings[shard]!.reset(lsn);
    progress.applied[shard] = lsn;
  }

  private complete(shardState: ReplicaShard, block: Block): string | null {
    const { shard } = shardState;
    if (block.to < shardState.received) return `shard ${shard} was done before it began`;
    this.writer.lock(shard);
    this.jumpTo(shard, block.to);
    this.writer.unlock();
    shardState.received = block.to;
    const { progress } = this.options;
    progress.received[shard] = block.to;
    progress.shardDone(shard);
    // Parts of other shards may have waited for what this one has got in frames.
    this.streams.retry();
    return this.streams.failed;
  }

  private frame({ shard }: ReplicaShard, block: Block): string | null {
    const { writer, buffer, receivedFrame: frame } = this;
    // A primary knows how many shards its replica has; a file does not.
    if (!writer.same && !this.options.progress.isAlone) {
      return 'a frame for another number of shards';
    }
    if (block.length < FRAME_PAYLOAD_HEADER_BYTES) return 'a frame that is cut off';
    const { words } = buffer;
    const at = block.payload >> 2;
    const bytes = words[at + 1]! >>> 0;
    const runs = words[at + 2]! >>> 0;
    const entries = words[at + 3]! >>> 0;
    const rest = block.length - FRAME_PAYLOAD_HEADER_BYTES;
    // In this order, so that align8 and the sum stay below 2^31.
    if (bytes > rest || runs > rest || align8(bytes) + runs !== rest) {
      return 'a frame of another length than it says';
    }
    frame.database = words[at]! >>> 0;
    frame.region = buffer;
    frame.offset = block.payload + FRAME_PAYLOAD_HEADER_BYTES;
    frame.bytes = bytes;
    frame.runsOffset = frame.offset + align8(bytes);
    frame.runsBytes = runs;
    writer.lock(shard);
    const wrong = writer.frame(shard, frame, entries);
    writer.unlock();
    if (wrong === null) this.keys += entries;
    return wrong;
  }

  /** Keeps the pieces of a payload until the last one. @returns whether the payload is complete */
  private whole(shardState: ReplicaShard, block: Block): boolean {
    if (block.more || shardState.partial !== 0) {
      this.keep(shardState, this.buffer, block.payload, block.length);
      shardState.partial = block.more ? block.type : 0;
    }
    return !block.more;
  }

  private entries(shardState: ReplicaShard, block: Block): string | null {
    const kept = shardState.partial !== 0;
    if (!this.whole(shardState, block)) return this.boundError();
    const { shard } = shardState;
    if (!kept) {
      return this.storeEntries(shard, this.buffer, block.payload, block.payload + block.length);
    }
    const wrong = this.storeEntries(shard, shardState.region, shardState.start, shardState.end);
    this.discard(shardState);
    return wrong;
  }

  private storeEntries(shard: number, region: Region, from: number, end: number): string | null {
    const { writer, receivedEntry: entry } = this;
    let wrong: string | null = null;
    let at = from;
    while (at < end && wrong === null) {
      writer.lock(shard);
      for (let i = 0; i < ENTRIES_BATCH && at < end && wrong === null; i++) {
        at = readEntry(region, at, end, entry);
        wrong = at < 0 ? 'an entry that is cut off' : writer.entry(shard, entry);
        this.keys++;
      }
      writer.unlock();
    }
    return wrong;
  }

  /** Values as commands. */
  private values(shardState: ReplicaShard, block: Block): string | null {
    const kept = shardState.partial !== 0;
    if (!this.whole(shardState, block)) return this.boundError();
    const region = kept ? shardState.region : this.buffer;
    const from = kept ? shardState.start : block.payload;
    const end = kept ? shardState.end : block.payload + block.length;
    if (end - from < VALUES_HEADER_BYTES) return 'values that are cut off';
    this.keys += region.view.getUint32(from, true);
    const wrong = this.applyRecords(shardState.shard, region, from + VALUES_HEADER_BYTES, end);
    if (kept) this.discard(shardState);
    return wrong;
  }

  /** Journal records during the walk of a full sync: those on keys that were shipped. */
  private updates(shardState: ReplicaShard, block: Block): string | null {
    const { progress } = this.options;
    const { shard } = shardState;
    if (block.from < shardState.received) return 'updates that were sent before';
    const kept = shardState.partial !== 0;
    if (!this.whole(shardState, block)) return this.boundError();
    const region = kept ? shardState.region : this.buffer;
    const from = kept ? shardState.start : block.payload;
    const end = kept ? shardState.end : block.payload + block.length;
    const wrong = this.applyRecords(shard, region, from, end);
    if (wrong !== null) return wrong;
    if (kept) this.discard(shardState);
    shardState.received = block.to;
    this.writer.lock(shard);
    progress.applied[shard] = block.to;
    this.writer.unlock();
    return null;
  }

  /** Checks and applies whole records of the walk. */
  private applyRecords(shard: number, region: Region, from: number, end: number): string | null {
    for (let at = from; at < end; ) {
      const wrong =
        this.applier.check(shard, region, at, end, -1) ?? this.applyAlone(shard, region, at);
      if (wrong !== null) return wrong;
      at += region.view.getUint32(at, true);
    }
    return null;
  }

  /** Applies a record of the walk alone, without the other parts of its transaction. */
  private applyAlone(shard: number, region: Region, offset: number): string | null {
    if (isTransaction(region, offset)) this.options.progress.appliesAlone(region, offset);
    this.writer.lock(shard);
    const wrong = this.applier.applyRecord(shard, region, offset);
    this.writer.unlock();
    return wrong;
  }

  /** Stream bytes of a complete shard. */
  private stream(shardState: ReplicaShard, block: Block): string | null {
    const { shard, received } = shardState;
    if (block.from !== received || block.to - block.from !== block.length) {
      return `shard ${shard} continues at ${block.from}, but was received up to ${received}`;
    }
    if (block.length % 4 !== 0) return 'a stream cut within a word';
    shardState.received = block.to;
    this.options.progress.received[shard] = block.to;
    this.streams.receive(shard, this.region, block.payload, block.payload + block.length);
    return this.streams.failed;
  }

  /** Keeps bytes of a shard for later, and counts them. */
  private keep(shardState: ReplicaShard, region: Region, offset: number, length: number): void {
    shardState.append(region, offset, length);
    this.countKept(shardState);
  }

  private discard(shardState: ReplicaShard): void {
    shardState.discard();
    this.countKept(shardState);
  }

  private countKept({ shard, start, end }: ReplicaShard): void {
    this.options.progress.kept[shard] = end - start;
  }

  private boundError(): string | null {
    const { kept } = this.options.progress;
    let bytes = 0;
    for (let shard = 0; shard < kept.length; shard++) bytes += kept[shard]!;
    if (bytes <= this.bufferBytesMax) return null;
    return `payloads of ${bytes} bytes are kept, more than ${this.bufferBytesMax}`;
  }
}

/** Moves the cursor of a walk. @returns why it cannot be, or null */
function cursorError(shardState: ReplicaShard, { type, database, position }: Block): string | null {
  const { shard } = shardState;
  const isOfWalk = shardState.state === WALKING && type !== BLOCK_HEARTBEAT;
  if (type === BLOCK_CLEAR || !isOfWalk) {
    if (database === 0 && position === 0) {
      if (type === BLOCK_CLEAR) shardState.restart();
      return null;
    }
    return `a cursor in a block of type ${type} for shard ${shard}, which is not being shipped`;
  }
  if (shardState.moveCursor(database, position)) return null;
  return `the walk of shard ${shard} goes back to ${database}:${position}`;
}

/** Why a block may not come now, or null. */
function orderError({ shard, state, partial }: ReplicaShard, block: Block): string | null {
  const { type, more, length } = block;
  if (afterBlock(state, type) === REFUSED) {
    return `a block of type ${type} for shard ${shard}, which is ${REPLICA_STATE_NAMES[state]}`;
  }
  if (partial !== 0 && partial !== type) {
    return `a block of type ${type} inside one of type ${partial} that continues`;
  }
  if (more && !mayContinue(state, type)) return `a block of type ${type} that continues`;
  if (length > 0 && !hasPayload(type)) return `a block of type ${type} with a payload`;
  return null;
}
