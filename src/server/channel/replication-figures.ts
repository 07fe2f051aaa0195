/** Figures in shared memory, as threads see them that only read. */
import { SyncProgress } from '../../replication/replica/sync-progress.js';

/** Sums of a SyncSession that its drivers keep besides the core's. */
/** When the replica acknowledged something last, in milliseconds since 1970. */
export const SUM_ACKNOWLEDGED_MS = 15;
/** When its sync was complete. */
export const SUM_ONLINE_MS = 14;
/** Sum of a SyncProgress: when bytes came last, in milliseconds since 1970. */
export const SUM_RECEIVED_MS = 15;

/** A SyncProgress for reading figures only. */
export function readableProgress(buffer: SharedArrayBuffer, shards: number): SyncProgress {
  return new SyncProgress(buffer, shards, 1);
}
