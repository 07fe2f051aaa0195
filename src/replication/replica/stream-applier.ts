/**
 * Applies the streams of complete shards: record by record, and transactions over several shards at
 * once, when no part is missing (sync-progress.ts).
 */
import type { Region } from '../../base/region.js';
import { RECORD_BYTES_MAX } from '../../journal/record.js';
import { isTransaction, type RecordApplier } from './record-applier.js';
import type { ReplicaShard } from './replica-shard.js';
import type { ShardWriter } from './shard-writer.js';
import type { SyncProgress } from './sync-progress.js';

/** Why a batch of records ended. */
const BATCH_FULL = 0;
/** The next record is not complete. */
const BATCH_CUT = 1;
/** The next record is a part of a transaction over several shards. */
const BATCH_TRANSACTION = 2;

/** Records applied under one hold of a lock. */
const BATCH = 32;

export class StreamApplier {
  /** What was wrong, or null. Nothing may be applied after that. */
  failed: string | null = null;
  private batchEnd = BATCH_FULL;

  constructor(
    private readonly writer: ShardWriter,
    private readonly applier: RecordApplier,
    private readonly progress: SyncProgress,
  ) {}

  /**
   * Applies the complete records between two offsets, up to one that must wait.
   * @returns the offset after the applied records; sets `failed` when something is wrong
   */
  run(shardState: ReplicaShard, region: Region, offset: number, end: number): number {
    const { shard } = shardState;
    let at = offset;
    this.batchEnd = BATCH_FULL;
    while (at < end && this.batchEnd !== BATCH_CUT && !shardState.waiting) {
      this.writer.lock(shard);
      at = this.runBatch(shard, region, at, end);
      this.writer.unlock();
      if (this.batchEnd === BATCH_TRANSACTION) at = this.transaction(shardState, region, at);
      if (this.failed !== null) break;
    }
    return at;
  }

  /** Applies records under one hold of the lock. @returns the offset after them; sets `batchEnd` */
  private runBatch(shard: number, region: Region, offset: number, end: number): number {
    const { applied } = this.progress;
    let at = offset;
    this.batchEnd = BATCH_FULL;
    for (let i = 0; i < BATCH && at < end; i++) {
      const length = end - at < 4 ? 0 : region.view.getUint32(at, true);
      if (length > end - at && length <= RECORD_BYTES_MAX && length % 4 === 0) {
        this.batchEnd = BATCH_CUT;
        break;
      }
      let wrong = this.applier.check(shard, region, at, end, applied[shard]!);
      if (wrong === null && isTransaction(region, at)) {
        this.batchEnd = BATCH_TRANSACTION;
        break;
      }
      wrong ??= this.applier.applyAndKeep(shard, region, at, length);
      if (wrong !== null) {
        this.failed = wrong;
        break;
      }
      at += length;
    }
    return at;
  }

  /** Handles a part of a transaction over several shards. @returns the offset after it */
  private transaction(shardState: ReplicaShard, region: Region, offset: number): number {
    const { progress } = this;
    const { shard } = shardState;
    const length = region.view.getUint32(offset, true);
    if (progress.appliesAlone(region, offset)) {
      this.writer.lock(shard);
      this.failed = this.applier.applyAndKeep(shard, region, offset, length);
      this.writer.unlock();
      return offset + length;
    }
    // The part is counted as parked from now on, and not as kept.
    if (region === shardState.region) progress.kept[shard] = shardState.end - offset - length;
    if (!progress.parkPart(shard, progress.applied[shard]!, region, offset, length)) {
      this.failed = `no room for a transaction's ${length} bytes`;
    } else {
      shardState.waiting = true;
      this.tryTransaction(shard);
      // This thread or another one may have applied it by now.
      if (!progress.isParked(shard)) shardState.waiting = false;
    }
    return offset + length;
  }

  /** Applies the transaction that a shard waits for, if no part is missing. */
  tryTransaction(shard: number): void {
    const { progress } = this;
    const parts = progress.claimTransaction(shard);
    if (parts === null) return;
    this.writer.lockSeveral(parts);
    for (const part of parts) {
      const wrong = this.applier.applyAndKeep(
        part,
        progress.arena,
        progress.partOffset(part),
        progress.partBytes(part),
      );
      if (wrong !== null) this.failed = wrong;
    }
    this.writer.unlock();
    progress.finishTransaction(parts);
  }
}
