/**
 * The shards a command or transaction needs, locked together. Locks are taken in ascending order,
 * by everyone, so that no two holders can wait for each other; that needs no lock over all of them.
 * (DESIGN.md foresaw one multi lock for this; ordering lets transactions on disjoint shards run at
 * the same time.) All locks are held to the end (strict two-phase locking), so that transactions
 * have the same order on every shard they share.
 */
import type { Shards } from '../keyspace/shards.js';

export class ShardSet {
  private readonly marked: Uint8Array;
  private marks = 0;
  /** How many locks are held: marks below this shard number. */
  private lockedBelow = 0;

  constructor(private readonly shards: Shards) {
    this.marked = new Uint8Array(shards.count);
  }

  get locked(): boolean {
    return this.lockedBelow > 0;
  }

  get size(): number {
    return this.marks;
  }

  clear(): void {
    this.marked.fill(0);
    this.marks = 0;
  }

  add(shard: number): void {
    if (this.marked[shard] !== 0) return;
    this.marked[shard] = 1;
    this.marks++;
  }

  addAll(): void {
    this.marked.fill(1);
    this.marks = this.shards.count;
  }

  has(shard: number): boolean {
    return this.marked[shard] !== 0;
  }

  lock(): void {
    const count = this.shards.count;
    for (let shard = 0; shard < count; shard++) {
      if (this.marked[shard] !== 0) this.shards.lock(shard);
    }
    this.lockedBelow = count;
  }

  /** Gives all locks back and forgets the set. */
  unlock(): void {
    const count = this.lockedBelow;
    this.lockedBelow = 0;
    for (let shard = 0; shard < count; shard++) {
      if (this.marked[shard] !== 0) this.shards.unlock(shard);
    }
    this.clear();
  }
}
