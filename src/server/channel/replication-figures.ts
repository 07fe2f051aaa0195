/** Figures in shared memory, as threads see them that only read. */
import { Region } from '../../base/region.js';
import { SyncProgress } from '../../replication/replica/sync-progress.js';

/** Sums of a SyncSession that its drivers keep besides the core's. */
/** When the replica acknowledged something last, in milliseconds since 1970. */
export const SUM_ACKNOWLEDGED_MS = 15;
/** When its sync was complete. */
export const SUM_ONLINE_MS = 14;
/** Sum of a SyncProgress: when bytes came last, in milliseconds since 1970. */
export const SUM_RECEIVED_MS = 15;

const ARENA_BYTES = 1 << 20;
let noArena: Region | null = null;

/** A SyncProgress for reading figures only: it has no arena for transactions that wait. */
export function readableProgress(buffer: SharedArrayBuffer, shards: number): SyncProgress {
  if (noArena === null) {
    noArena = new Region(new SharedArrayBuffer(ARENA_BYTES), 0);
    SyncProgress.formatArena(noArena);
  }
  return new SyncProgress(buffer, noArena, shards, 1);
}
