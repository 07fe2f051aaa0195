/**
 * Back-pressure: whether a write should wait because a replica is about to lose its place in the
 * shard's ring. Waiting is put off connection by connection (the dispatcher's BUSY), bounded by
 * time; then the write goes on and the replica is overrun: see PrimaryFlow for what that means.
 */
import { GROWN_BYTES_MAX, grownBytes, type JournalRing } from './ring.js';

/** A ring is tight when less than this share of it is left before a reader is overrun. */
const TIGHT_SHARE = 0.25;

export class BackPressure {
  /** repl-backpressure-policy delay (true) or none. */
  enabled = true;
  /** repl-backpressure-max-delay. */
  delayMsMax = 1000;
  /** Writes that were put off at least once, and those that then went on at the price of a reader. */
  delayed = 0;
  overruled = 0;

  constructor(private readonly rings: readonly JournalRing[]) {}

  /**
   * Under the shard's lock, before a write.
   * @param bytes of its command: about what its record will have, for those that matter
   * @param sinceMs when the connection was first put off for this command, 0 when it was not
   */
  mustWait(shard: number, bytes: number, sinceMs: number, nowMs: number): boolean {
    if (!this.enabled) return false;
    if (!this.isTight(shard) && !this.exceedsGrowthBound(this.rings[shard]!, bytes)) return false;
    if (sinceMs === 0) {
      this.delayed++;
      return true;
    }
    if (nowMs - sinceMs < this.delayMsMax) return true;
    this.overruled++;
    return false;
  }

  /** Whether what can wait should: a reader is about to lose its place. Under the shard's lock. */
  isTight(shard: number): boolean {
    const ring = this.rings[shard]!;
    return this.enabled && ring.room < ring.nominal * TIGHT_SHARE;
  }

  /** Whether a large record comes on top of others that make the rings take too much memory. */
  private exceedsGrowthBound(ring: JournalRing, bytes: number): boolean {
    return ring.isLarge(bytes) && grownBytes(this.rings) > GROWN_BYTES_MAX;
  }
}
