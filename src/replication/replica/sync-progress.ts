/**
 * What the flows of a replica share: how far each of the primary's shards has got, whether the data
 * set is complete, and the transactions that wait for their parts. Shared memory, made by the main
 * thread for each sync.
 *
 *   words   0 lock   1 shards that are done   2 failed   3 whether it is a full sync   4 changes
 *           16…   per shard: done | cut seen | parked state | parked offset | parked bytes
 *   f64     sums (SUM_*), then per shard: progress | need | cut | head | parked LSN
 *   arena   a Space of its own: the parts that wait
 *
 * How a transaction becomes visible at once. A shard's stream stops at its part, which is put into
 * the arena; the LSNs it names tell which of its sister parts were applied already, and which wait
 * as well. Whoever finds that all of them do takes them all, locks their shards in ascending order,
 * applies them and lets the shards go on. As transactions have the same order on all shards, the
 * first of them can always go ahead.
 *
 * During a full sync that cannot be asked for, as parts may have travelled inside frames. There parts
 * are applied as they come, and `need` remembers how far their sisters' shards have to get; before
 * the replica counts as ready it has got that far everywhere, and to the `cut`: heads of all shards
 * that the primary read after it had shipped everything. So no half of a transaction is ever seen.
 * A shard may be shipped again before the cut, even if here all seemed to be done; parts on other
 * shards that wait for one of its then find its progress beyond that one, and go ahead.
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

export const SUM_BYTES = 0;
export const SUM_KEYS = 1;
export const SUM_RECORDS = 2;
/** Transactions that were applied in one piece. */
export const SUM_JOINT = 3;

const PART_NONE = 0;
const PART_PARKED = 1;
const PART_CLAIMED = 2;

export class SyncProgress {
  private readonly words: Int32Array;
  readonly sums: Float64Array;
  /** The stream of each of the primary's shards has been applied up to here. */
  readonly applied: Float64Array;
  private readonly need: Float64Array;
  private readonly cut: Float64Array;
  /** The primary's heads, as last heard. */
  readonly heads: Float64Array;
  private readonly parkedLsn: Float64Array;
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
    this.space = new Space(arena, new Int32Array(buffer, 8 * 4, 1), 0);
  }

  /**
   * @param from LSNs to continue from, null for a full sync
   */
  static create(shards: number, from: readonly number[] | null): SharedArrayBuffer {
    const words = (SHARD_WORDS + shards * 5) * 4;
    const buffer = new SharedArrayBuffer(((words + 7) & ~7) + (SUMS + shards * 5) * 8);
    const head = new Int32Array(buffer);
    head[FULL] = from === null ? 1 : 0;
    if (from === null) return buffer;
    head[DONE_COUNT] = shards;
    head.fill(1, SHARD_WORDS, SHARD_WORDS + shards);
    const progress = new Float64Array(buffer, ((words + 7) & ~7) + SUMS * 8, shards);
    progress.set(from);
    return buffer;
  }

  /** Prepares (fresh, zeroed) memory for the parts that wait: as large as transactions may be. */
  static formatArena(arena: Region): void {
    Space.format(arena, 0, 0);
  }

  private lock(): void {
    lockBlocking(this.words, LOCK, this.owner);
  }

  private unlock(): void {
    unlock(this.words, LOCK);
  }

  /** What was applied is no longer known to be right: only a full sync helps. */
  fail(): void {
    this.words[FAILED] = 1;
  }

  get failed(): boolean {
    return this.words[FAILED] !== 0;
  }

  /** Changes whenever a transaction was applied: shards that wait may go on. */
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
   * A shard that has come whole is to come again: its stream was overrun before the cut.
   * @returns false when it cannot be any more
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

  /** How many shards have come whole. */
  get shardsDone(): number {
    return this.words[DONE_COUNT]!;
  }

  /** Whether the data set is complete and no transaction is half in it. Then it stays so. */
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

  /** Sum of the LSNs applied: slave_repl_offset. */
  get offset(): number {
    return this.applied.reduce((sum, lsn) => sum + lsn, 0);
  }

  /**
   * Asks how the part at `offset` is to be applied.
   * @returns true: as it comes; false: by `parkPart`
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

  /** Whether a shard's stream stands at a part that has not been applied. */
  isParked(shard: number): boolean {
    this.lock();
    const parked = this.parked[shard] !== PART_NONE;
    this.unlock();
    return parked;
  }

  /**
   * The stream of `shard` has come to this part, which now waits in the arena.
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
   * Takes the transaction that `shard` waits for, if all its parts are there.
   * @returns the shards whose parts the caller now has to apply and `finishTransaction`; null: not yet
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

  /** Where in the arena the part lies that a shard waits for, and how long it is. */
  partOffset(shard: number): number {
    return this.parkedOffset[shard]!;
  }

  partBytes(shard: number): number {
    return this.parkedBytes[shard]!;
  }

  /** The parts taken were applied, with the progress of their shards. */
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
   * The link is gone: a part that only waits is forgotten; it will be sent again.
   * @returns false while another thread is applying it: ask again
   */
  withdrawPart(shard: number): boolean {
    this.lock();
    const state = this.parked[shard]!;
    if (state === PART_PARKED) this.freePart(shard);
    this.unlock();
    return state !== PART_CLAIMED;
  }
}
