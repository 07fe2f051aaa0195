/** The locks of all streams, for a cut at which no transaction is half written. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataParts } from './file-sync.js';

/** How often it tries to get all locks without waiting for one while holding others. */
const LOCK_TRIES = 200;
/** After that, for how long it waits at once: this thread does nothing else meanwhile. */
const LOCK_WAIT_MS = 500;

/**
 * Does something under the locks of all streams. First it tries to get them without waiting for any, so
 * that nobody waits for what is held here. The work is no promise: nothing else of this thread, which has
 * the same owner of locks, comes in between.
 * @param whyNot why nobody wants that any more, or null
 * @throws Error with that reason
 */
export async function atStreamCut<T>(
  data: DataParts,
  whyNot: () => string | null,
  work: () => T,
): Promise<T> {
  const { shards, locks } = data;
  for (let tries = 0; ; tries++) {
    const reason = whyNot();
    if (reason !== null) throw new Error(reason);
    const got = tries < LOCK_TRIES ? tryShards(shards) : waitForShards(shards);
    if (got === shards.count) {
      locks.lock(shards.count);
      try {
        return work();
      } finally {
        unlockAllStreams(data);
      }
    }
    for (let shard = 0; shard < got; shard++) locks.unlock(shard);
    await sleep(1);
  }
}

/** @returns how many shards are locked, from the first on */
function tryShards(shards: DataParts['shards']): number {
  let got = 0;
  while (got < shards.count && shards.tryLock(got)) got++;
  return got;
}

/** As who waits for a lock while holding others has to; a script may hold one for long. */
function waitForShards(shards: DataParts['shards']): number {
  const deadlineMs = performance.now() + LOCK_WAIT_MS;
  if (!shards.lockOrder(deadlineMs)) return 0;
  let got = 0;
  while (got < shards.count && shards.lockBefore(got, deadlineMs)) got++;
  shards.unlockOrder();
  return got;
}

function unlockAllStreams({ locks, rings }: DataParts): void {
  for (let stream = 0; stream < rings.length; stream++) locks.unlock(stream);
}
