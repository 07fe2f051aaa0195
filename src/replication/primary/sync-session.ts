/**
 * One replica as seen by the threads of its primary: shared memory that the main thread creates
 * when a sync begins. Flows write it, INFO reads it.
 *
 *   0      i32  lock
 *   4      i32  shards not yet shipped whole
 *   8      i32  1: the session is over, flows stop
 *   12     i32  shards that send parts of the transaction with the token
 *   16     f64  LSN of that transaction's first part
 *   24     i32  shard of that part
 *   32     f64  bytes reserved for records that are longer than the window
 *   64     f64 × 16  sums: SUM_*
 *   192    f64  per shard: LSN up to which the stream was sent
 *          then, per shard, f64 LSN that the replica acknowledged
 *          then, per shard, f64 LSN beyond which nothing is sent; Infinity for no such limit
 *
 * Several flows add to the sums, under the lock. Each LSN has one writing thread; a reader may see
 * an old value for a moment.
 */
import { AHEAD_SHARE_MAX } from '../../journal/back-pressure.js';
import { lockBlocking, unlock } from '../../memory/lock.js';

const LOCK = 0;
const REMAINING = 1;
const ENDED = 2;
const TOKEN_USERS = 3;
const TOKEN_LSN_VALUE = 2;
const TOKEN_SHARD = 6;
const RESERVED_VALUE = 4;
const SUMS_OFFSET = 64;
const SUMS = 16;
const LSNS_OFFSET = SUMS_OFFSET + SUMS * 8;

/** Records longer than the window that may be under way together, unless one is longer. */
const LARGE_BYTES_MAX = 64 << 20;

export const SUM_BYTES = 0;
export const SUM_FRAMES = 1;
/** Keys shipped in frames or one by one. */
export const SUM_KEYS = 2;
/** Shards that were shipped again, because of an overrun ring or SWAPDB. */
export const SUM_RESTARTED_SHARDS = 3;
/** Number of keys when the sync began: about what SUM_KEYS reaches. */
export const SUM_KEYS_TOTAL = 4;
/** The last cut that the replica has applied whole: its offset, and when it was made. */
export const SUM_CUT = 5;
export const SUM_CUT_MS = 6;
/** The share of a ring that may be ahead of this replica (lag-control.ts). By the flow of shard 0. */
export const SUM_AHEAD_SHARE = 7;
/** Offset of the last cut that is in the replica's journal on its disk. */
export const SUM_DURABLE_CUT = 8;
/** Of a Redis: the offset in the merged stream that it has acknowledged. */
export const SUM_STREAM_OFFSET = 9;
/** Of a Redis: bytes that wait in memory to be sent to it. */
export const SUM_WAITING_BYTES = 10;
/** Of a Redis: 1 once it has acknowledged something. */
export const SUM_HAS_SPOKEN = 11;

export class SyncSession {
  private readonly words: Int32Array;
  private readonly values: Float64Array;
  readonly sums: Float64Array;
  readonly sent: Float64Array;
  readonly acknowledged: Float64Array;
  /** Written and read under the locks of the streams: a file ends at one cut of all of them. */
  readonly limits: Float64Array;

  /** @param owner this thread's number + 1 */
  constructor(
    readonly buffer: SharedArrayBuffer,
    shards: number,
    private readonly owner: number,
  ) {
    this.words = new Int32Array(buffer, 0, 16);
    this.values = new Float64Array(buffer, 0, 8);
    this.sums = new Float64Array(buffer, SUMS_OFFSET, SUMS);
    this.sent = new Float64Array(buffer, LSNS_OFFSET, shards);
    this.acknowledged = new Float64Array(buffer, LSNS_OFFSET + shards * 8, shards);
    this.limits = new Float64Array(buffer, LSNS_OFFSET + shards * 16, shards);
  }

  /** @param full whether all shards are to be shipped; else they continue */
  static create(shards: number, full: boolean): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(LSNS_OFFSET + shards * 24);
    const unlimited = Number.POSITIVE_INFINITY;
    new Float64Array(buffer, LSNS_OFFSET + shards * 16, shards).fill(unlimited);
    new Int32Array(buffer)[REMAINING] = full ? shards : 0;
    const sums = new Float64Array(buffer, SUMS_OFFSET, SUMS);
    sums[SUM_CUT] = -1;
    sums[SUM_DURABLE_CUT] = -1;
    sums[SUM_AHEAD_SHARE] = AHEAD_SHARE_MAX;
    return buffer;
  }

  /** A shard has been shipped whole. */
  shardDone(): void {
    this.locked(() => this.words[REMAINING]!--);
  }

  /**
   * Announces that a shard that was shipped whole is shipped again.
   * @returns false when all shards are done: a flow may have sent its cut, which would be too early
   */
  reopenShard(): boolean {
    let may = false;
    this.locked(() => {
      may = this.words[REMAINING]! > 0;
      if (may) this.words[REMAINING]!++;
    });
    return may;
  }

  /** Whether all shards of all flows were shipped. The lock makes their effects visible. */
  get allDone(): boolean {
    let remaining = 0;
    this.locked(() => {
      remaining = this.words[REMAINING]!;
    });
    return remaining === 0;
  }

  /** Reserves memory of the replica for a record that is longer than the window. */
  reserveLarge(bytes: number): boolean {
    let may = false;
    this.locked(() => {
      const reserved = this.values[RESERVED_VALUE]!;
      may = reserved === 0 || reserved + bytes <= LARGE_BYTES_MAX;
      if (may) this.values[RESERVED_VALUE] = reserved + bytes;
    });
    return may;
  }

  releaseLarge(bytes: number): void {
    this.locked(() => {
      this.values[RESERVED_VALUE]! -= bytes;
    });
  }

  /**
   * Takes part in the token, which one transaction with long parts has at a time.
   * @param shard of its first part, which together with its LSN names the transaction
   * @returns false when another transaction has it
   */
  takeToken(shard: number, lsn: number): boolean {
    const { words, values } = this;
    let may = false;
    this.locked(() => {
      may =
        words[TOKEN_USERS] === 0 ||
        (words[TOKEN_SHARD] === shard && values[TOKEN_LSN_VALUE] === lsn);
      if (!may) return;
      words[TOKEN_USERS]!++;
      words[TOKEN_SHARD] = shard;
      values[TOKEN_LSN_VALUE] = lsn;
    });
    return may;
  }

  /** A shard's part was applied. No part is before all were sent, so all have taken the token. */
  giveToken(): void {
    this.locked(() => this.words[TOKEN_USERS]!--);
  }

  add(sum: number, value: number): void {
    this.locked(() => {
      this.sums[sum]! += value;
    });
  }

  /** Ends the session. Called before another history is written: flows send nothing after it. */
  end(): void {
    this.locked(() => {
      this.words[ENDED] = 1;
    });
  }

  get ended(): boolean {
    return this.words[ENDED] !== 0;
  }

  private locked(work: () => void): void {
    lockBlocking(this.words, LOCK, this.owner);
    work();
    unlock(this.words, LOCK);
  }
}
