/**
 * The shards a command or transaction needs, locked together and held to the end (strict two-phase
 * locking), so that transactions have the same order on every shard they share.
 *
 * A thread that waits for one lock while it holds others makes every thread that wants those wait
 * too; soon all threads run one after the other. So `tryLock` takes all locks or none. When one is
 * taken, it spins for that one without holding any, then gives up, and its caller serves other
 * clients.
 *
 * A client that was refused too often uses `lockBefore`: it waits for one lock after the other and
 * keeps those it has. Everyone takes locks in ascending order, so there is no deadlock. Only one
 * thread at a time waits like this (ORDER_LOCK), so all others release their locks as soon as their
 * commands have run.
 */
import type { Shards } from '../keyspace/shards.js';

/** What one attempt of `tryLock` counts for, in spins. */
const ATTEMPT_SPINS = 20;

export class ShardSet {
  /** One bit for each shard. */
  private readonly marks: Int32Array;
  private marked = 0;
  private held = false;
  /** The shard that `tryLock` last found taken. */
  taken = 0;

  constructor(private readonly shards: Shards) {
    this.marks = new Int32Array((shards.count + 31) >>> 5);
  }

  get locked(): boolean {
    return this.held;
  }

  get size(): number {
    return this.marked;
  }

  /** The shard of a set of one; -1 for any other. */
  get only(): number {
    if (this.marked !== 1) return -1;
    const { marks } = this;
    let word = 0;
    while (marks[word] === 0) word++;
    return lowestShard(word, marks[word]!);
  }

  clear(): void {
    const { marks } = this;
    for (let word = 0; word < marks.length; word++) marks[word] = 0;
    this.marked = 0;
  }

  add(shard: number): void {
    const word = shard >>> 5;
    const bit = 1 << (shard & 31);
    const before = this.marks[word]!;
    if ((before & bit) !== 0) return;
    this.marks[word] = before | bit;
    this.marked++;
  }

  addAll(): void {
    const { count } = this.shards;
    this.marks.fill(count < 32 ? (1 << count) - 1 : -1);
    this.marked = count;
  }

  has(shard: number): boolean {
    return ((this.marks[shard >>> 5]! >>> (shard & 31)) & 1) !== 0;
  }

  /**
   * Takes all locks, or none and returns false.
   *
   * @param spins how long to wait for those that are taken
   */
  tryLock(spins: number): boolean {
    let left = spins;
    for (;;) {
      const taken = this.takeAll();
      if (taken < 0) {
        this.held = true;
        return true;
      }
      this.giveBackBelow(taken);
      this.taken = taken;
      left = this.shards.spinUntilFree(taken, left - ATTEMPT_SPINS);
      if (left <= 0) return false;
    }
  }

  /** Takes all locks, waiting for each, or none and returns false when the time is up. */
  lockBefore(deadlineMs: number): boolean {
    if (!this.lockInOrder(deadlineMs)) return false;
    this.shards.unlockOrder();
    return true;
  }

  /** The same, and keeps the order lock: its holder may wait for more locks (`extend`). */
  lockInOrder(deadlineMs: number): boolean {
    const { shards, marks } = this;
    if (!shards.lockOrder(deadlineMs)) return false;
    for (let word = 0; word < marks.length; word++) {
      let bits = marks[word]!;
      while (bits !== 0) {
        const shard = lowestShard(word, bits);
        if (!shards.lockBefore(shard, deadlineMs)) {
          this.giveBackBelow(shard);
          shards.unlockOrder();
          return false;
        }
        bits &= bits - 1;
      }
    }
    this.held = true;
    return true;
  }

  /**
   * Takes one more lock, in any order. Without a wait that is always right. Who waits must hold the
   * order lock: all others who hold locks then go on without waiting, so that there is no deadlock.
   */
  extend(shard: number, deadlineMs: number): boolean {
    const { shards } = this;
    const isLocked = deadlineMs > 0 ? shards.lockBefore(shard, deadlineMs) : shards.tryLock(shard);
    if (!isLocked) return false;
    this.add(shard);
    this.held = true;
    return true;
  }

  /** Gives all locks back and forgets the set. */
  unlock(): void {
    if (this.held) this.giveBackBelow(this.shards.count);
    this.held = false;
    this.clear();
  }

  /** Tries each lock once, in ascending order. @returns the first one that is taken, or -1 */
  private takeAll(): number {
    const { shards, marks } = this;
    for (let word = 0; word < marks.length; word++) {
      let bits = marks[word]!;
      while (bits !== 0) {
        const shard = lowestShard(word, bits);
        if (!shards.tryLock(shard, 0)) return shard;
        bits &= bits - 1;
      }
    }
    return -1;
  }

  /** Gives back the locks of all marked shards below this one. */
  private giveBackBelow(limit: number): void {
    const { shards, marks } = this;
    for (let word = 0; word < marks.length; word++) {
      let bits = marks[word]!;
      while (bits !== 0) {
        const shard = lowestShard(word, bits);
        if (shard >= limit) return;
        shards.unlock(shard);
        bits &= bits - 1;
      }
    }
  }
}

/** The shard of the lowest bit set in a word of marks. */
function lowestShard(word: number, bits: number): number {
  return (word << 5) + 31 - Math.clz32(bits & -bits);
}
