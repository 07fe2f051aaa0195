/** The locks of all streams, for a cut at which no transaction is half written. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataParts } from './file-sync.js';

/** How often it tries to get all locks without waiting for one while holding others. */
const LOCK_TRIES = 200;

/** Locks all streams. First without waiting for any, so that nobody waits for what is held here. */
export async function lockAllStreams(data: DataParts): Promise<void> {
  const { shards, locks } = data;
  for (let tries = 0; tries < LOCK_TRIES; tries++) {
    let got = 0;
    while (got < shards.count && shards.tryLock(got)) got++;
    if (got === shards.count) {
      locks.lock(shards.count);
      return;
    }
    unlock(data, got);
    await sleep(1);
  }
  shards.lockOrderInTurn();
  for (let shard = 0; shard < shards.count; shard++) shards.lock(shard);
  shards.unlockOrder();
  locks.lock(shards.count);
}

export function unlockAllStreams(data: DataParts): void {
  unlock(data, data.rings.length);
}

function unlock({ locks }: DataParts, count: number): void {
  for (let stream = 0; stream < count; stream++) locks.unlock(stream);
}
