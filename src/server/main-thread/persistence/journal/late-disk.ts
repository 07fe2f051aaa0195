/**
 * Whether the disk is late with appendfsync everysec. The promise is that a crash costs two seconds of
 * acknowledged writes at most. A sync begins a second after the one before, so it holds while syncs take
 * less than a second. Of a slower disk this is what bounds the loss: when what was written two seconds ago
 * is not on the disk yet, replies to writes wait until it is, as with always.
 *
 *   sample: heads at a moment ──durable up to these──▶ next sample
 *                │ two seconds later                        ▲
 *                ▼                                          │
 *              late: replies wait ──durable up to these─────┘
 *
 * It sees whatever holds the journal up: a sync, a write, a thread that does not get on.
 */
import type { DurableLsns } from '../../../../memory/durable-lsns.js';

/** Two seconds, without the time between two looks. */
export const LATE_MS = 1900;

export class LateDisk {
  isLate = false;
  /** How long the sample that was late has waited for the disk, once it is durable. */
  lateMs = 0;
  private sinceMs = -1;
  private behind = 0;
  private readonly heads: Float64Array;

  constructor(
    private readonly durable: DurableLsns,
    streams: number,
    /** The heads of all streams now. */
    private readonly readHeads: (heads: Float64Array) => void,
  ) {
    this.heads = new Float64Array(streams);
  }

  /** Nothing is promised: nobody waits. */
  reset(): void {
    this.isLate = false;
    this.sinceMs = -1;
  }

  /** Looks at the disk. Several times a second, while the chain is whole. @returns whether `isLate` has changed */
  look(nowMs: number): boolean {
    if (this.sinceMs < 0) this.takeSample(nowMs);
    this.behind = this.durable.firstBehind(this.heads, this.behind);
    const wasLate = this.isLate;
    const waitedMs = nowMs - this.sinceMs;
    this.isLate = this.behind < this.heads.length && waitedMs >= LATE_MS;
    if (this.behind === this.heads.length) {
      if (wasLate) this.lateMs = waitedMs;
      this.takeSample(nowMs);
    }
    return this.isLate !== wasLate;
  }

  private takeSample(nowMs: number): void {
    this.sinceMs = nowMs;
    this.behind = 0;
    this.readHeads(this.heads);
  }
}
