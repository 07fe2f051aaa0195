/**
 * Back-pressure: whether a write waits because a replica is about to lose its place in the shard's
 * ring. A write that waits is retried connection by connection (the dispatcher's DEFERRED). The wait
 * has a bound; after it the write runs and the replica is overrun (primary-flow.ts).
 */
import { GROWN_BYTES_MAX, grownBytes, type JournalRing } from './ring.js';

/** Who reads the rings is told to go on when more than this share of one is ahead of a reader. */
const FILLING_SHARE = 0.5;
/** A ring is tight when more than this share of it is ahead of a reader: never more than this. */
export const AHEAD_SHARE_MAX = 0.75;

export class BackPressure {
  /** repl-backpressure-policy delay (true) or none. */
  enabled = true;
  /** repl-backpressure-max-delay. */
  delayMsMax = 1000;
  /** The share of a ring that may be ahead of a reader. Less for replicas that take long for it. */
  aheadShare = AHEAD_SHARE_MAX;
  /** Writes that waited at least once, and writes that then ran because their wait was over. */
  delayed = 0;
  overruled = 0;

  constructor(
    private readonly rings: readonly JournalRing[],
    /** Told while a ring is filling, at each write to it: before anybody has to wait. */
    private readonly filling: { raise(): void } | null = null,
  ) {}

  /**
   * Under the shard's lock, before a write. For the stream without keys, whose number is that of the
   * shards, without a lock: a hint is enough.
   * @param bytes of its command: an estimate of its record's length
   * @param sinceMs since when this command waits, 0 when it does not
   */
  mustWait(shard: number, bytes: number, sinceMs: number, nowMs: number): boolean {
    const ring = this.rings[shard]!;
    const { room } = ring;
    if (isAhead(ring, FILLING_SHARE, room)) this.filling?.raise();
    if (!this.enabled) return false;
    if (!isAhead(ring, this.aheadShare, room) && !this.exceedsGrowthBound(ring, bytes))
      return false;
    if (sinceMs === 0) {
      this.delayed++;
      return true;
    }
    if (nowMs - sinceMs < this.delayMsMax) return true;
    this.overruled++;
    return false;
  }

  /** For who writes without waiting. Without locks: a hint is enough. */
  tellFilling(streams: readonly number[]): void {
    for (let i = 0; i < streams.length; i++) {
      const ring = this.rings[streams[i]!]!;
      if (isAhead(ring, FILLING_SHARE)) this.filling?.raise();
    }
  }

  /** Whether a reader is about to lose its place. Under the shard's lock. */
  isTight(shard: number): boolean {
    return this.enabled && isAhead(this.rings[shard]!, this.aheadShare);
  }

  /** Whether the record is large and the rings have already grown beyond their bound. */
  private exceedsGrowthBound(ring: JournalRing, bytes: number): boolean {
    return ring.isLarge(bytes) && grownBytes(this.rings) > GROWN_BYTES_MAX;
  }
}

/** Whether more than this share of a ring is ahead of a reader. */
function isAhead(ring: JournalRing, share: number, room = ring.room): boolean {
  return room < ring.nominal * (1 - share);
}
