/**
 * Cuts: the order in which replicas are compared. A cut is a vector: one LSN of each shard. Its
 * offset is their sum, a number of bytes as Redis shows it.
 *
 *   0      i32  lock
 *   4      i32  1: this server adopts cuts and makes none
 *   8      f64  offset of the newest cut; -1 when there is none
 *   16     f64  when it was made, in milliseconds since 1970
 *   24     f64  of each shard: its LSN
 *
 * The sum of LSNs alone is no order: of two replicas the one with the greater sum may lack a write
 * that the other one has. But the vectors of one maker only grow, as each LSN is read after the cut
 * before was made. So of two cuts, the one with the greater offset contains the other, and equal
 * offsets are equal cuts. A replica reports the offset of the last cut that it has applied whole.
 * Whoever has the greatest such offset has every write that a cut before it contains.
 *
 * A primary makes cuts: every few milliseconds while there are writes, and for WAIT, which needs
 * one that is made after the writes it waits for. A replica adopts the cuts of its primary, for
 * replicas of its own, and makes none. On promotion the cut that was adopted last may be ahead of
 * the data: it is replaced. The lock makes makers take turns; a head is read without its shard's
 * lock, and is old by a moment at most. Any thread may call every method.
 */
import { lockBlocking, unlock } from '../memory/lock.js';
import type { JournalRing } from './ring.js';

const LOCK = 0;
const ADOPTS = 1;
const OFFSET_VALUE = 1;
const MADE_VALUE = 2;
const LSNS_VALUE = 3;

/** A cut that was read, or came; callers reuse one. */
export class Cut {
  offset = -1;
  madeMs = 0;
  readonly lsns: Float64Array;

  constructor(shards: number) {
    this.lsns = new Float64Array(shards);
  }
}

export class NewestCut {
  private readonly words: Int32Array;
  private readonly values: Float64Array;
  private readonly lsns: Float64Array;

  /** @param owner this thread's number + 1 */
  constructor(
    buffer: SharedArrayBuffer,
    private readonly owner: number,
  ) {
    this.words = new Int32Array(buffer, 0, 2);
    this.values = new Float64Array(buffer, 0, LSNS_VALUE);
    this.lsns = new Float64Array(buffer, LSNS_VALUE * 8);
  }

  static create(shards: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer((LSNS_VALUE + shards) * 8);
    new Float64Array(buffer)[OFFSET_VALUE] = -1;
    return buffer;
  }

  /** The newest cut's offset; -1 when there is none. A hint. */
  get offset(): number {
    return this.values[OFFSET_VALUE]!;
  }

  /** When it was made. A hint. */
  get madeMs(): number {
    return this.values[MADE_VALUE]!;
  }

  /** Whether a new cut can be made: something was written since the newest one. A hint. */
  isOld(rings: readonly JournalRing[]): boolean {
    if (this.words[ADOPTS] !== 0) return false;
    for (let shard = 0; shard < rings.length; shard++) {
      if (rings[shard]!.peekHead() !== this.lsns[shard]) return true;
    }
    return this.values[OFFSET_VALUE]! < 0;
  }

  /**
   * Makes a cut that contains all that was written before the call. It is the newest one if nothing
   * was written since that.
   * @returns its offset; -1 on a replica, which makes none
   */
  make(rings: readonly JournalRing[], nowMs: number): number {
    const { words, values, lsns } = this;
    lockBlocking(words, LOCK, this.owner);
    if (words[ADOPTS] !== 0) {
      unlock(words, LOCK);
      return -1;
    }
    let offset = 0;
    for (let shard = 0; shard < rings.length; shard++) {
      const lsn = Math.max(lsns[shard]!, rings[shard]!.peekHead());
      lsns[shard] = lsn;
      offset += lsn;
    }
    if (offset !== values[OFFSET_VALUE]) values[MADE_VALUE] = nowMs;
    values[OFFSET_VALUE] = offset;
    unlock(words, LOCK);
    return offset;
  }

  /** Copies the newest cut. */
  read(into: Cut): void {
    lockBlocking(this.words, LOCK, this.owner);
    into.offset = this.values[OFFSET_VALUE]!;
    into.madeMs = this.values[MADE_VALUE]!;
    into.lsns.set(this.lsns);
    unlock(this.words, LOCK);
  }

  /**
   * Takes a cut of the primary: the newest one from now on, whatever was before. Not on a primary:
   * a flow that ends late has nothing to say.
   */
  adopt(cut: Cut): void {
    lockBlocking(this.words, LOCK, this.owner);
    if (this.words[ADOPTS] !== 0) {
      this.values[OFFSET_VALUE] = cut.offset;
      this.values[MADE_VALUE] = cut.madeMs;
      this.lsns.set(cut.lsns);
    }
    unlock(this.words, LOCK);
  }

  /** Forgets the cuts: the role changes, or the data gets another history. */
  clear(adopts: boolean): void {
    lockBlocking(this.words, LOCK, this.owner);
    this.words[ADOPTS] = adopts ? 1 : 0;
    this.values[OFFSET_VALUE] = -1;
    this.lsns.fill(0);
    unlock(this.words, LOCK);
  }
}
