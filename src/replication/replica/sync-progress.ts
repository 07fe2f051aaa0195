/**
 * The state that a replica's flows share: how far each shard of the primary is applied, whether the
 * data set is complete, and the parts of transactions that wait. Shared memory, created by the main
 * thread for each sync.
 *
 *   0      i32  lock
 *   4      i32  shards that are done
 *   8      i32  1: the data may be wrong
 *   12     i32  1: it is a full sync
 *   16     i32  changes: transactions that were applied
 *   32     i32  pages in use in the arena
 *   64     i32  of each shard: done
 *          then, of each shard, i32 cut seen, i32 parked state, i32 parked offset, i32 parked bytes
 *          then, from a multiple of 8 on, 16 f64 sums (SUM_*)
 *          then, of each shard, f64 applied, need, cut, head, parked LSN, kept
 *
 *   The values of a kind lie together: those of all shards, then the next kind.
 *
 *   arena   a Space of its own for the parked parts
 *
 * How a transaction becomes visible at once. A shard's stream stops at its part, which is parked in
 * the arena. The part contains the LSNs of all parts of its transaction, so a flow knows which of
 * them are applied and which are parked. The flow that finds no part missing claims all of them,
 * locks their shards in ascending order, applies the parts and frees the shards. Transactions have
 * the same order on all shards, so the oldest one can always be completed.
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
import { copyBytes } from '../../base/region.js';
import { participantAt, participants } from '../../journal/record.js';
import { lockBlocking, unlock } from '../../memory/lock.js';
import { Space } from '../../memory/space.js';
import { pagesFor } from '../../structures/entry.js';

const LOCK = 0;
const DONE_COUNT = 1;
const FAILED = 2;
const FULL = 3;
const CHANGES = 4;
const SHARD_WORDS = 16;
const SUMS = 16;
/** Words, and f64s, of each shard. */
const SHARD_FLAGS = 5;
const SHARD_VALUES = 6;

export const SUM_BYTES = 0;
export const SUM_KEYS = 1;
export const SUM_RECORDS = 2;
/** Transactions over several shards that were applied at once. */
export const SUM_JOINT = 3;

const PART_NONE = 0;
const PART_PARKED = 1;
const PART_CLAIMED = 2;

export class SyncProgress {
  private readonly words: Int32Array;
  readonly sums: Float64Array;
  /** LSN up to which the stream of each of the primary's shards is applied. */
  readonly applied: Float64Array;
  private readonly need: Float64Array;
  private readonly cut: Float64Array;
  /** The primary's heads, from its last heartbeats. */
  readonly heads: Float64Array;
  private readonly parkedLsn: Float64Array;
  /** Bytes received and not applied; each element is written by the shard's flow. */
  readonly kept: Float64Array;
  private readonly done: Int32Array;
  private readonly cutSeen: Int32Array;
  private readonly parked: Int32Array;
  private readonly parkedOffset: Int32Array;
  private readonly parkedBytes: Int32Array;
  private readonly space: Space;

  /**
   * @param arena memory prepared by `formatArena`, the same for all threads
   * @param owner this thread's number + 1
   */
  constructor(
    readonly buffer: SharedArrayBuffer,
    readonly arena: Region,
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
    this.parked = words(shards);
    this.parkedOffset = words(shards);
    this.parkedBytes = words(shards);
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
    this.parkedLsn = values(shards);
    this.kept = values(shards);
    this.space = new Space(arena, new Int32Array(buffer, 8 * 4, 1), 0);
  }

  /**
   * @param from LSNs to continue from, null for a full sync
   */
  static create(shards: number, from: readonly number[] | null): SharedArrayBuffer {
    const words = (SHARD_WORDS + shards * SHARD_FLAGS) * 4;
    const buffer = new SharedArrayBuffer(((words + 7) & ~7) + (SUMS + shards * SHARD_VALUES) * 8);
    const head = new Int32Array(buffer);
    head[FULL] = from === null ? 1 : 0;
    if (from === null) return buffer;
    head[DONE_COUNT] = shards;
    head.fill(1, SHARD_WORDS, SHARD_WORDS + shards);
    const progress = new Float64Array(buffer, ((words + 7) & ~7) + SUMS * 8, shards);
    progress.set(from);
    return buffer;
  }

  /** Formats fresh, zeroed memory for parked parts. Its size bounds them. */
  static formatArena(arena: Region): void {
    Space.format(arena, 0, 0);
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

  /** Changes when a transaction was applied: shards that wait may continue. */
  get changes(): number {
    return this.words[CHANGES]!;
  }

  add(sum: number, value: number): void {
    this.lock();
    this.sums[sum]! += value;
    this.unlock();
  }

  isDone(shard: number): boolean {
    return this.done[shard] !== 0;
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

  /** Number of complete shards. */
  get shardsDone(): number {
    return this.words[DONE_COUNT]!;
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
    this.unlock();
    return ready;
  }

  /** Bytes received over all flows that are not applied: kept by flows, and parked. A hint. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (let shard = 0; shard < this.shards; shard++) {
      bytes += this.kept[shard]!;
      if (this.parked[shard] !== PART_NONE) bytes += this.parkedBytes[shard]!;
    }
    return bytes;
  }

  /** Sum of the LSNs applied: slave_repl_offset. */
  get offset(): number {
    return this.applied.reduce((sum, lsn) => sum + lsn, 0);
  }

  /**
   * Decides how the part at `offset` is applied.
   * @returns true: at once, alone; false: with the other parts, by `parkPart`
   */
  appliesAlone(region: Region, offset: number): boolean {
    if (this.words[FULL] === 0) return false;
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

  /** Whether a shard's stream stops at a part that is not applied yet. */
  isParked(shard: number): boolean {
    this.lock();
    const parked = this.parked[shard] !== PART_NONE;
    this.unlock();
    return parked;
  }

  /**
   * Parks the part at which the stream of `shard` stops.
   * @returns false when the arena has no room for it
   */
  parkPart(shard: number, lsn: number, region: Region, offset: number, length: number): boolean {
    this.lock();
    const run = this.space.allocate(pagesFor(length));
    if (run !== 0) {
      copyBytes(this.arena, run, region, offset, length);
      this.parkedOffset[shard] = run;
      this.parkedBytes[shard] = length;
      this.parkedLsn[shard] = lsn;
      this.parked[shard] = PART_PARKED;
    }
    this.unlock();
    return run !== 0;
  }

  /**
   * Claims the transaction that `shard` waits for, if no part is missing.
   * @returns the shards whose parts the caller must apply, then `finishTransaction`; null: not yet
   */
  claimTransaction(shard: number): number[] | null {
    this.lock();
    const taken = this.parked[shard] === PART_PARKED ? this.partsOf(shard) : null;
    if (taken !== null) for (const part of taken) this.parked[part] = PART_CLAIMED;
    this.unlock();
    return taken;
  }

  private partsOf(shard: number): number[] | null {
    const offset = this.parkedOffset[shard]!;
    const { view } = this.arena;
    const count = participants(this.arena, offset);
    const shards: number[] = [];
    for (let i = 0; i < count; i++) {
      const at = participantAt(offset, i);
      const other = view.getUint16(at, true);
      const lsn = view.getFloat64(at + 2, true);
      if (this.applied[other]! > lsn) continue;
      if (this.parked[other] !== PART_PARKED || this.parkedLsn[other] !== lsn) return null;
      shards.push(other);
    }
    return shards;
  }

  /** Offset in the arena, and length, of a shard's parked part. */
  partOffset(shard: number): number {
    return this.parkedOffset[shard]!;
  }

  partBytes(shard: number): number {
    return this.parkedBytes[shard]!;
  }

  /** Frees the claimed parts after they were applied. */
  finishTransaction(shards: readonly number[]): void {
    this.lock();
    for (const shard of shards) this.freePart(shard);
    this.words[CHANGES]!++;
    this.sums[SUM_JOINT]!++;
    this.unlock();
  }

  private freePart(shard: number): void {
    this.space.free(this.parkedOffset[shard]!, pagesFor(this.parkedBytes[shard]!));
    this.parked[shard] = PART_NONE;
  }

  /**
   * Frees a parked part when its link is gone; the primary will send it again.
   * @returns false while another thread applies it: call again
   */
  withdrawPart(shard: number): boolean {
    this.lock();
    const state = this.parked[shard]!;
    if (state === PART_PARKED) this.freePart(shard);
    this.unlock();
    return state !== PART_CLAIMED;
  }
}
