/**
 * The state that a replica's flows share: how far each shard of the primary is applied, whether the
 * data set is complete, and the parts of transactions that wait. Shared memory, created by the main
 * thread for each sync.
 *
 *   0      i32  lock
 *   4      i32  shards that are done
 *   8      i32  1: the data may be wrong
 *   12     i32  1: it is a full sync that is not ready
 *   16     i32  1: it comes from files, and every part of a transaction is applied alone
 *   64     i32  of each shard: done
 *          then, of each shard, i32 cut seen
 *          then, of each shard, i32 begun: the walk has a cursor
 *          then, from a multiple of 8 on, 16 f64 sums (SUM_*)
 *          then, of each shard, f64 applied, need, cut, head, received, kept, mark, mark's time, cursor
 *          of the walk: database and hash position
 *
 *   The values of a kind lie together: those of all shards, then the next kind.
 *
 * A transaction becomes visible at once: pending-streams.ts.
 *
 * During a full sync parts may be contained in frames, so a flow cannot wait for them. It applies
 * each part as it comes, and `need` records how far the shards of the other parts must be applied.
 * The replica is ready when every shard has reached its `need` and its `cut`: the head of the shard
 * that the primary read after it had shipped everything. So nobody sees half of a transaction.
 *
 * The primary may ship a shard again before the cut, even if all shards seemed to be done here.
 * Parts on other shards that wait for one of its parts then find it applied, and continue.
 */
import type { Region } from '../../base/region.js';
import type { Cut } from '../../journal/cuts.js';
import { participantAt, participants } from '../../journal/record.js';
import { lockBlocking, unlock } from '../../memory/lock.js';
import type { HalfStream } from '../half-sync.js';
import { AWAITS_CLEAR, DONE, WALKING } from '../shard-states.js';
import { CutQueue } from './cut-queue.js';

const LOCK = 0;
const DONE_COUNT = 1;
const FAILED = 2;
const FULL = 3;
const ALONE = 4;
const SHARD_WORDS = 16;
const SUMS = 16;
/** Words, and f64s, of each shard. */
const SHARD_FLAGS = 3;
const SHARD_VALUES = 10;
/** Places of two of the values. */
const APPLIED = 0;
const RECEIVED = 4;

export const SUM_BYTES = 0;
export const SUM_KEYS = 1;
export const SUM_RECORDS = 2;
/** Transactions over several shards that were applied at once. */
export const SUM_JOINT = 3;
/** Offset and time of the last cut that is applied whole, written by the flow of shard 0. */
const SUM_CUT = 4;
const SUM_CUT_MS = 5;

export class SyncProgress {
  private readonly words: Int32Array;
  readonly sums: Float64Array;
  /** LSN up to which the stream of each of the primary's shards is applied. */
  readonly applied: Float64Array;
  private readonly need: Float64Array;
  private readonly cut: Float64Array;
  /** The primary's heads, from its last heartbeats. */
  private readonly heads: Float64Array;
  /** A head that was not reached when it came, and when it came; for `lagMs`. */
  private readonly mark: Float64Array;
  private readonly markMs: Float64Array;
  /** Cuts that came and are not applied. Only the flow of shard 0 uses it. */
  private readonly cuts: CutQueue;
  /** The same of those that are not on the disk. */
  private readonly durableCuts: CutQueue;
  /** LSN up to which a complete shard's stream was received; written by the shard's flow. */
  readonly received: Float64Array;
  /** Bytes of unfinished payloads; written by the shard's flow. */
  readonly kept: Float64Array;
  private readonly done: Int32Array;
  private readonly cutSeen: Int32Array;
  private readonly begun: Int32Array;
  private readonly cursorDatabase: Float64Array;
  private readonly cursorPosition: Float64Array;

  /** @param owner this thread's number + 1 */
  constructor(
    readonly buffer: SharedArrayBuffer,
    readonly shards: number,
    private readonly owner: number,
  ) {
    let at = 0;
    const words = (count: number) => {
      const array = new Int32Array(buffer, at, count);
      at += count * 4;
      return array;
    };
    this.words = words(SHARD_WORDS);
    this.done = words(shards);
    this.cutSeen = words(shards);
    this.begun = words(shards);
    at = (at + 7) & ~7;
    const values = (count: number) => {
      const array = new Float64Array(buffer, at, count);
      at += count * 8;
      return array;
    };
    this.sums = values(SUMS);
    this.applied = values(shards);
    this.need = values(shards);
    this.cut = values(shards);
    this.heads = values(shards);
    this.received = values(shards);
    this.kept = values(shards);
    this.mark = values(shards);
    this.markMs = values(shards);
    this.cursorDatabase = values(shards);
    this.cursorPosition = values(shards);
    this.cuts = new CutQueue(shards);
    this.durableCuts = new CutQueue(shards);
  }

  /**
   * @param from LSNs to continue from, null for a full sync
   * @param offset of the last cut that is applied, when it continues
   */
  static create(shards: number, from: readonly number[] | null, offset = 0): SharedArrayBuffer {
    const words = (SHARD_WORDS + shards * SHARD_FLAGS) * 4;
    const buffer = new SharedArrayBuffer(((words + 7) & ~7) + (SUMS + shards * SHARD_VALUES) * 8);
    const sums = new Float64Array(buffer, (words + 7) & ~7, SUMS);
    sums[SUM_CUT] = from === null ? 0 : offset;
    const head = new Int32Array(buffer);
    head[FULL] = from === null ? 1 : 0;
    if (from === null) return buffer;
    head[DONE_COUNT] = shards;
    head.fill(1, SHARD_WORDS, SHARD_WORDS + shards);
    const values = new Float64Array(buffer, ((words + 7) & ~7) + SUMS * 8);
    values.set(from, APPLIED * shards);
    values.set(from, RECEIVED * shards);
    return buffer;
  }

  /**
   * For files that end at one cut of all streams, and that nobody sees before it: no part of a
   * transaction waits for the others.
   * @param from where the streams go on that the files have; null when these have all the data
   */
  static createForFiles(shards: number, from: readonly number[] | null = null): SharedArrayBuffer {
    const buffer = SyncProgress.create(shards, from);
    new Int32Array(buffer)[ALONE] = 1;
    return buffer;
  }

  private lock(): void {
    lockBlocking(this.words, LOCK, this.owner);
  }

  private unlock(): void {
    unlock(this.words, LOCK);
  }

  /** Marks the data as possibly wrong. Only a full sync mends it. */
  fail(): void {
    this.words[FAILED] = 1;
  }

  get failed(): boolean {
    return this.words[FAILED] !== 0;
  }

  add(sum: number, value: number): void {
    this.lock();
    this.sums[sum]! += value;
    this.unlock();
  }

  isDone(shard: number): boolean {
    return this.done[shard] !== 0;
  }

  /** The walk of a shard has come to this cursor, at this LSN. By the shard's flow. */
  walkedTo(shard: number, database: number, position: number, lsn: number): void {
    this.begun[shard] = 1;
    this.cursorDatabase[shard] = database;
    this.cursorPosition[shard] = position;
    this.applied[shard] = lsn;
  }

  /** How far a shard is, or the stream without keys. */
  halfStream(shard: number): HalfStream {
    const isBegun = this.begun[shard] !== 0 || this.done[shard] !== 0;
    const walking = isBegun ? WALKING : AWAITS_CLEAR;
    return {
      state: this.done[shard] !== 0 ? DONE : walking,
      lsn: this.applied[shard]!,
      database: this.cursorDatabase[shard]!,
      position: this.cursorPosition[shard]!,
    };
  }

  /** How far the full sync is; null when it was ready, or cannot go on. Once its flows have ended. */
  get half(): readonly HalfStream[] | null {
    if (this.words[FULL] === 0 || this.failed) return null;
    return Array.from({ length: this.shards }, (_, shard) => this.halfStream(shard));
  }

  /**
   * The full sync goes on over another link. What was received and not applied is lost, and so are
   * cuts: they come again. What is known of half transactions stays.
   */
  reopen(): void {
    this.cutSeen.fill(0);
    this.cut.fill(0);
    this.kept.fill(0);
    for (let shard = 0; shard < this.shards; shard++) {
      this.received[shard] = this.done[shard] !== 0 ? this.applied[shard]! : 0;
    }
    this.cuts.clear();
    this.durableCuts.clear();
    this.sums[SUM_BYTES] = 0;
  }

  /** Whether every part of a transaction is applied alone. */
  get isAlone(): boolean {
    return this.words[ALONE] !== 0;
  }

  /** Whether it is a full sync that is not ready. */
  get isFull(): boolean {
    return this.words[FULL] !== 0;
  }

  shardDone(shard: number): void {
    this.lock();
    this.done[shard] = 1;
    this.words[DONE_COUNT]!++;
    this.unlock();
  }

  /**
   * Reopens a shard that was complete: the primary ships it again.
   * @returns false when it is too late, after the shard's cut
   */
  reopenShard(shard: number): boolean {
    this.lock();
    const may = this.words[FULL] !== 0 && this.done[shard] !== 0 && this.cutSeen[shard] === 0;
    if (may) {
      this.done[shard] = 0;
      this.words[DONE_COUNT]!--;
    }
    this.unlock();
    return may;
  }

  cutReached(shard: number, lsn: number): void {
    this.lock();
    this.cut[shard] = lsn;
    this.cutSeen[shard] = 1;
    this.unlock();
  }

  /** Whether the data set is complete and contains no half transaction. Once true it stays true. */
  get ready(): boolean {
    if (this.words[FULL] === 0) return true;
    this.lock();
    let ready = this.words[DONE_COUNT] === this.shards;
    for (let shard = 0; ready && shard < this.shards; shard++) {
      const least = Math.max(this.need[shard]!, this.cut[shard]!);
      ready = this.cutSeen[shard] !== 0 && this.applied[shard]! >= least;
    }
    if (ready) this.words[FULL] = 0;
    this.unlock();
    return ready;
  }

  /** Bytes received over all flows that are not applied. A hint. */
  get pendingBytes(): number {
    let bytes = 0;
    for (let shard = 0; shard < this.shards; shard++) {
      bytes += this.kept[shard]!;
      if (this.done[shard] !== 0)
        bytes += Math.max(0, this.received[shard]! - this.applied[shard]!);
    }
    return bytes;
  }

  /** A heartbeat has told the primary's head. By the shard's flow. */
  headSeen(shard: number, lsn: number, nowMs: number): void {
    this.heads[shard] = lsn;
    if (this.applied[shard]! < this.mark[shard]!) return;
    this.mark[shard] = lsn;
    this.markMs[shard] = nowMs;
  }

  /** Bytes that the primary's streams were ahead of what is applied, by its last heartbeats. */
  get lagBytes(): number {
    let bytes = 0;
    for (let shard = 0; shard < this.shards; shard++) {
      bytes += Math.max(0, this.heads[shard]! - this.applied[shard]!);
    }
    return bytes;
  }

  /** For how long a head that the primary told is not reached, on the shard that is worst. */
  lagMs(nowMs: number): number {
    let since = nowMs;
    for (let shard = 0; shard < this.shards; shard++) {
      const isBehind = this.applied[shard]! < this.mark[shard]!;
      if (isBehind && this.markMs[shard]! < since) since = this.markMs[shard]!;
    }
    return nowMs - since;
  }

  /** Offset of the last cut that is applied whole: slave_repl_offset. It orders replicas. */
  get offset(): number {
    return this.sums[SUM_CUT]!;
  }

  /** When that cut was made, by the primary's clock; 0: it is of an earlier link. */
  get cutMadeMs(): number {
    return this.sums[SUM_CUT_MS]!;
  }

  /** Sum of the LSNs applied: never less than `offset`. */
  get appliedBytes(): number {
    return this.applied.reduce((sum, lsn) => sum + lsn, 0);
  }

  /** A cut of the primary has come. By the flow of shard 0, like the next ones. */
  takeCut(cut: Cut): void {
    this.cuts.add(cut);
    this.durableCuts.add(cut);
  }

  /** Looks which of the cuts that came are applied by now. */
  advanceCut(): void {
    const { sums, cuts, applied } = this;
    if (cuts.count === 0 || !this.ready || !cuts.advance(applied)) return;
    sums[SUM_CUT] = cuts.reachedOffset;
    sums[SUM_CUT_MS] = cuts.reachedMs;
  }

  /** Looks which of them the journal has on the disk. @param lsns up to which it has each stream */
  advanceDurableCut(lsns: Float64Array): void {
    if (this.durableCuts.count > 0 && this.ready) this.durableCuts.advance(lsns);
  }

  /** Offset of the last cut of this link that is on the disk; -1 for none. */
  get durableOffset(): number {
    return this.durableCuts.reachedOffset;
  }

  get awaitsDurableCut(): boolean {
    return this.durableCuts.count > 0;
  }

  /** Whether a cut has come that is not applied. */
  get awaitsCut(): boolean {
    return this.cuts.count > 0;
  }

  /**
   * Decides how the part at `offset` is applied.
   * @returns true: at once, alone; false: with the other parts
   */
  appliesAlone(region: Region, offset: number): boolean {
    if (this.words[FULL] === 0) return false;
    if (this.words[ALONE] !== 0) return true;
    this.lock();
    const alone = this.words[DONE_COUNT]! < this.shards;
    if (alone) {
      const count = participants(region, offset);
      for (let i = 0; i < count; i++) {
        const at = participantAt(offset, i);
        const shard = region.view.getUint16(at, true);
        const least = region.view.getFloat64(at + 2, true) + 1;
        if (least > this.need[shard]!) this.need[shard] = least;
      }
    }
    this.unlock();
    return alone;
  }
}
