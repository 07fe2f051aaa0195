/**
 * The lock of a ring whose stream belongs to no shard. It comes after the locks of all shards: who
 * holds it takes none of those.
 */
import { lockInTurn, unlock } from '../memory/lock.js';
import { type JournalRing, RING_LOCK_WORD } from './ring.js';

/** @param owner this thread's number + 1, which no other thread uses */
export function lockRing(ring: JournalRing, owner: number): void {
  lockInTurn(ring.words, RING_LOCK_WORD, owner);
}

export function unlockRing(ring: JournalRing): void {
  unlock(ring.words, RING_LOCK_WORD);
}
