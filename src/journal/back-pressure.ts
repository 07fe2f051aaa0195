/**
 * Back-pressure: whether a write should wait because a replica is about to lose its place in the
 * shard's ring. Waiting is put off connection by connection (the dispatcher's BUSY), bounded by
 * time; then the write goes on and the replica is overrun: see FlowSource for what that means.
 */
import type { JournalRing } from './ring.js';

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
   * @param sinceMs when the connection was first put off for this command, 0 when it was not
   */
  mustWait(shard: number, sinceMs: number, nowMs: number): boolean {
    if (!this.enabled) return false;
    const ring = this.rings[shard]!;
    if (ring.room >= ring.capacity * TIGHT_SHARE) return false;
    if (sinceMs === 0) {
      this.delayed++;
      return true;
    }
    if (nowMs - sinceMs < this.delayMsMax) return true;
    this.overruled++;
    return false;
  }
}
