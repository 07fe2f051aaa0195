/**
 * Applies the streams of complete shards: record by record, and transactions over several shards at
 * once, when no part is missing (pending-streams.ts). Belongs to one thread, which may go on with
 * shards of other flows: those that a transaction it has completed has freed.
 */
import type { Region } from '../../base/region.js';
import { KIND_PART, RECORD_BYTES_MAX, RECORD_KIND } from '../../journal/record.js';
import {
  FRONT_NOTHING,
  FRONT_WRONG,
  PendingRecord,
  type PendingStreams,
} from './pending-streams.js';
import { isTransaction, type RecordApplier } from './record-applier.js';
import { ShardList } from './shard-list.js';
import type { ShardWriter } from './shard-writer.js';
import { SUM_JOINT, type SyncProgress } from './sync-progress.js';

/** Records applied under one hold of a shard's lock. */
const BATCH = 32;
/** Bytes of records that go into the shard's ring at once. One that is longer goes alone. */
const KEPT_BYTES = 4096;

export class StreamApplier {
  /** What was wrong, or null. Nothing may be applied after that. */
  failed: string | null = null;
  private readonly record = new PendingRecord();
  /** The shards of the transaction to be applied, none when there is none. */
  private readonly claimed: ShardList;
  /** Shards that were freed and may go on. */
  private readonly freed: ShardList;
  /** Streams whose locks are held. */
  private readonly held: ShardList;
  /** A part was applied alone: others may wait for it. */
  private appliedAlone = false;
  /** Transactions over several shards that are applied and not counted yet. */
  private joint = 0;

  constructor(
    private readonly writer: ShardWriter,
    private readonly applier: RecordApplier,
    private readonly progress: SyncProgress,
    private readonly pending: PendingStreams,
  ) {
    this.claimed = new ShardList(pending.shards);
    this.freed = new ShardList(pending.shards);
    this.held = new ShardList(pending.shards);
  }

  /** Takes bytes of a shard's stream, and applies all that can be applied now. */
  receive(shard: number, region: Region, offset: number, end: number): void {
    const { pending } = this;
    this.lockStream(shard);
    let at = offset;
    if (pending.isEmpty(shard) && !pending.isParked(shard)) {
      at = this.runInPlace(shard, region, offset, end);
    }
    if (this.failed === null && at < end) {
      if (pending.append(shard, region, at, end - at)) this.advance(shard);
      else this.failed = `shard ${shard} was sent more than its window, or there is no room for it`;
    }
    this.unlockStreams();
    this.settle();
  }

  /** Looks again at all shards that wait: parts of their transactions were applied elsewhere. */
  retry(): void {
    const { pending } = this;
    pending.meetParking();
    for (let shard = 0; shard < pending.shards && this.failed === null; shard++) {
      if (!pending.waitsForParts(shard)) continue;
      this.lockStream(shard);
      if (pending.waitsForParts(shard) && pending.front(shard, this.record) !== FRONT_NOTHING) {
        this.park(shard);
      }
      this.unlockStreams();
      this.settle();
    }
  }

  /** Drops what waits of a shard that is shipped again. */
  discard(shard: number): void {
    for (let done = false; !done; ) {
      this.lockStream(shard);
      // Another thread may be applying its part.
      done = this.pending.discard(shard) || this.progress.failed;
      this.unlockStreams();
    }
  }

  /** After an exception: gives back whatever is locked. */
  release(): void {
    this.writer.unlock();
    this.unlockStreams();
  }

  private lockStream(shard: number): void {
    this.pending.lockStream(shard);
    this.held.push(shard);
  }

  private unlockStreams(): void {
    const { held } = this;
    for (let shard = held.pop(); shard >= 0; shard = held.pop()) this.pending.unlockStream(shard);
  }

  /** Applies the claimed transaction, and goes on with the shards that it frees, and so on. */
  private settle(): void {
    while (this.failed === null) {
      if (this.claimed.count > 0) {
        this.applyTransaction();
        continue;
      }
      const shard = this.freed.pop();
      if (shard >= 0) {
        this.lockStream(shard);
        this.advance(shard);
        this.unlockStreams();
      } else if (this.appliedAlone) {
        this.appliedAlone = false;
        this.retry();
      } else {
        break;
      }
    }
    if (this.joint === 0) return;
    this.progress.add(SUM_JOINT, this.joint);
    this.joint = 0;
  }

  /** Applies complete records that lie elsewhere. @returns the offset of the first that must wait */
  private runInPlace(shard: number, region: Region, offset: number, end: number): number {
    let at = offset;
    for (let before = -1; before !== at && this.failed === null; ) {
      before = at;
      at = this.runBatch(shard, region, at, end);
    }
    return at;
  }

  /** Applies records up to a bound, or to one that is cut or a part. @returns the offset after them */
  private runBatch(shard: number, region: Region, offset: number, end: number): number {
    const { applier } = this;
    const { isAlone } = this.progress;
    const lsn = this.progress.applied[shard]! - offset;
    let at = offset;
    let kept = offset;
    this.writer.lock(shard);
    try {
      for (let i = 0; i < BATCH && end - at >= 4; i++) {
        const length = region.view.getUint32(at, true);
        if (length > end - at && length <= RECORD_BYTES_MAX && length % 4 === 0) break;
        let wrong = applier.check(shard, region, at, end, lsn + at);
        if (wrong === null && !isAlone && isTransaction(region, at)) break;
        if (at - kept + length > KEPT_BYTES && at > kept) {
          applier.keep(shard, region, kept, at - kept);
          kept = at;
        }
        wrong ??= applier.apply(shard, region, at);
        if (wrong !== null) {
          this.failed = wrong;
          break;
        }
        at += length;
      }
    } finally {
      // After an exception too: what was applied before it is whole.
      if (at > kept) applier.keep(shard, region, kept, at - kept);
    }
    this.writer.unlock();
    return at;
  }

  /** Applies what waits of a shard, as far as it can be applied. The lock of its stream is held. */
  private advance(shard: number): void {
    const { pending, record, progress } = this;
    while (this.failed === null && !progress.failed && !pending.isParked(shard)) {
      const front = pending.front(shard, record);
      if (front === FRONT_NOTHING) return;
      const { region, offset, length } = record;
      if (front === FRONT_WRONG) {
        this.failed = `no room for a record of ${length} bytes`;
        return;
      }
      if (region.bytes[offset + RECORD_KIND] === KIND_PART && this.transaction(shard)) {
        if (this.claimed.count === 0) continue;
        // The loop ends where the locks are to be taken in order.
        if (this.applyHere(shard) && this.yields(shard)) return;
        continue;
      }
      const end = Math.max(offset + length, pending.endOf(shard, region));
      const at = this.runBatch(shard, region, offset, end);
      if (at > offset) pending.consume(shard, at - offset);
    }
  }

  /**
   * Handles the part of a transaction over several shards that is at the head of the stream. The shard's
   * lock is not needed to park it.
   * @returns false when it is not such a part
   */
  private transaction(shard: number): boolean {
    const { region, offset, length } = this.record;
    const lsn = this.progress.applied[shard]!;
    this.failed = this.applier.check(shard, region, offset, offset + length, lsn);
    if (this.failed !== null) return true;
    if (this.progress.isAlone || !isTransaction(region, offset)) return false;
    if (!this.progress.appliesAlone(region, offset)) {
      this.park(shard);
      return true;
    }
    this.writer.lock(shard);
    this.failed = this.applier.applyAndKeep(shard, region, offset, length);
    this.writer.unlock();
    this.pending.consume(shard, length);
    this.appliedAlone = true;
    return true;
  }

  private park(shard: number): void {
    const { pending, progress, record, claimed } = this;
    pending.park(shard, record, progress.applied, claimed);
  }

  /** Applies the claimed transaction: takes the locks of its streams in order. */
  private applyTransaction(): void {
    const { claimed } = this;
    for (let i = 0; i < claimed.count; i++) this.lockStream(claimed.at(i));
    this.applyParts();
    this.unlockStreams();
    this.free(-1);
  }

  /**
   * The same while the lock of one of its streams is held, which stays. The others are only tried: who
   * waits for one holds none of a higher number.
   * @returns false when one of them was not free
   */
  private applyHere(shard: number): boolean {
    const { pending, claimed, held } = this;
    let done = true;
    for (let i = 0; i < claimed.count && done; i++) {
      const other = claimed.at(i);
      if (other === shard) continue;
      done = pending.tryLockStream(other);
      if (done) held.push(other);
    }
    if (done) this.applyParts();
    while (held.top !== shard) pending.unlockStream(held.pop());
    if (done) this.free(shard);
    return done;
  }

  /** Whether another thread waits for the stream that goes on: it comes later then. */
  private yields(shard: number): boolean {
    if (!this.pending.isStreamAwaited(shard)) return false;
    if (!this.freed.has(shard)) this.freed.push(shard);
    return true;
  }

  /** Applies all parts of the claimed transaction under the locks of their shards. */
  private applyParts(): void {
    const { pending, claimed, record, writer } = this;
    writer.lockSeveral(claimed);
    // Some shards may have been shipped with what it did there: then it is not done as a whole here.
    this.applier.together = claimed.count === writer.primaryShards;
    for (let i = 0; i < claimed.count; i++) {
      const shard = claimed.at(i);
      pending.front(shard, record);
      const { region, offset, length } = record;
      this.failed ??= this.applier.applyAndKeep(shard, region, offset, length);
      pending.consume(shard, length);
    }
    this.applier.together = false;
    writer.unlock();
    pending.release(claimed);
    this.joint++;
  }

  /**
   * The shards of the transaction go on, but for the one that does already. Another thread may have
   * led one of them here again.
   */
  private free(going: number): void {
    const { claimed, freed } = this;
    for (let i = 0; i < claimed.count; i++) {
      const shard = claimed.at(i);
      if (shard !== going && !freed.has(shard)) freed.push(shard);
    }
    claimed.clear();
  }
}
