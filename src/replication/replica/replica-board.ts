/**
 * What the flows of a replica share: how far each of the primary's shards has got, whether the data
 * set is complete, and the transactions that wait for their parts. Shared memory, made by the main
 * thread for each sync.
 *
 *   words   0 lock   1 shards that are done   2 failed   3 whether it is a full sync   4 changes
 *           16…   per shard: done | cut seen | pending state | pending offset | pending bytes
 *   f64     sums (SUM_*), then per shard: progress | need | cut | head | pending LSN
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

const PENDING_NONE = 0;
const PENDING_WAITS = 1;
const PENDING_TAKEN = 2;

export class ReplicaBoard {
  private readonly words: Int32Array;
  readonly sums: Float64Array;
  /** The stream of each of the primary's shards has been applied up to here. */
  readonly progress: Float64Array;
  private readonly need: Float64Array;
  private readonly cut: Float64Array;
  /** The primary's heads, as last heard. */
  readonly heads: Float64Array;
  private readonly pendingLsn: Float64Array;
  private readonly done: Int32Array;
  private readonly cutSeen: Int32Array;
  private readonly pending: Int32Array;
  private readonly pendingOffset: Int32Array;
  private readonly pendingBytes: Int32Array;
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
    this.pending = words(shards);
    this.pendingOffset = words(shards);
    this.pendingBytes = words(shards);
    at = (at + 7) & ~7;
    const values = (count: number) => {
      const array = new Float64Array(buffer, at, count);
      at += count * 8;
      return array;
    };
    this.sums = values(SUMS);
    this.progress = values(shards);
    this.need = values(shards);
    this.cut = values(shards);
    this.heads = values(shards);
    this.pendingLsn = values(shards);
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
  shardAgain(shard: number): boolean {
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
      ready = this.cutSeen[shard] !== 0 && this.progress[shard]! >= least;
    }
    this.unlock();
    return ready;
  }

  /** Sum of the LSNs applied: slave_repl_offset. */
  get offset(): number {
    return this.progress.reduce((sum, lsn) => sum + lsn, 0);
  }

  /**
   * Asks how the part at `offset` is to be applied.
   * @returns true: as it comes; false: by `arrive`
   */
  aloneDuringFullSync(region: Region, offset: number): boolean {
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
  waits(shard: number): boolean {
    this.lock();
    const waits = this.pending[shard] !== PENDING_NONE;
    this.unlock();
    return waits;
  }

  /**
   * The stream of `shard` has come to this part, which now waits in the arena.
   * @returns false when the arena has no room for it
   */
  arrive(shard: number, lsn: number, region: Region, offset: number, length: number): boolean {
    this.lock();
    const run = this.space.allocate(pagesFor(length));
    if (run !== 0) {
      copyBytes(this.arena, run, region, offset, length);
      this.pendingOffset[shard] = run;
      this.pendingBytes[shard] = length;
      this.pendingLsn[shard] = lsn;
      this.pending[shard] = PENDING_WAITS;
    }
    this.unlock();
    return run !== 0;
  }

  /**
   * Takes the transaction that `shard` waits for, if all its parts are there.
   * @returns the shards whose parts the caller now has to apply and `finish`; null: not yet
   */
  take(shard: number): number[] | null {
    this.lock();
    const taken = this.pending[shard] === PENDING_WAITS ? this.complete(shard) : null;
    if (taken !== null) for (const part of taken) this.pending[part] = PENDING_TAKEN;
    this.unlock();
    return taken;
  }

  private complete(shard: number): number[] | null {
    const offset = this.pendingOffset[shard]!;
    const { view } = this.arena;
    const count = participants(this.arena, offset);
    const shards: number[] = [];
    for (let i = 0; i < count; i++) {
      const at = participantAt(offset, i);
      const other = view.getUint16(at, true);
      const lsn = view.getFloat64(at + 2, true);
      if (this.progress[other]! > lsn) continue;
      if (this.pending[other] !== PENDING_WAITS || this.pendingLsn[other] !== lsn) return null;
      shards.push(other);
    }
    return shards;
  }

  /** Where in the arena the part lies that a shard waits for, and how long it is. */
  partOffset(shard: number): number {
    return this.pendingOffset[shard]!;
  }

  partBytes(shard: number): number {
    return this.pendingBytes[shard]!;
  }

  /** The parts taken were applied, with the progress of their shards. */
  finish(shards: readonly number[]): void {
    this.lock();
    for (const shard of shards) this.drop(shard);
    this.words[CHANGES]!++;
    this.sums[SUM_JOINT]!++;
    this.unlock();
  }

  private drop(shard: number): void {
    this.space.free(this.pendingOffset[shard]!, pagesFor(this.pendingBytes[shard]!));
    this.pending[shard] = PENDING_NONE;
  }

  /**
   * The link is gone: a part that only waits is forgotten; it will be sent again.
   * @returns false while another thread is applying it: ask again
   */
  withdraw(shard: number): boolean {
    this.lock();
    const state = this.pending[shard]!;
    if (state === PENDING_WAITS) this.drop(shard);
    this.unlock();
    return state !== PENDING_TAKEN;
  }
}
