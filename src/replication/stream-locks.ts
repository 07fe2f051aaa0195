/**
 * The locks of the journal's streams, by number: the shards' streams have their shards' locks, and
 * the stream after them, which has no keys, has a lock in its ring. The order of locks is that of
 * the numbers. Belongs to one thread.
 */
import type { JournalRing } from '../journal/ring.js';
import { lockRing, unlockRing } from '../journal/ring-lock.js';
import type { Shards } from '../keyspace/shards.js';

export class StreamLocks {
  /** @param owner this thread's number + 1, which no other thread uses */
  constructor(
    private readonly shards: Shards,
    private readonly rings: readonly JournalRing[],
    private readonly owner: number,
  ) {}

  lock(stream: number): void {
    if (stream < this.shards.count) this.shards.lock(stream);
    else lockRing(this.rings[stream]!, this.owner);
  }

  unlock(stream: number): void {
    if (stream < this.shards.count) this.shards.unlock(stream);
    else unlockRing(this.rings[stream]!);
  }
}
