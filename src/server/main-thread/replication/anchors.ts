/**
 * Removes the anchors that lost links have left in the journals (journal/ring.ts): when the replicas
 * have come back and caught up, when they stay away, and when the journals have grown too far for
 * them. What a flow leaves is known here a moment later, so a reason counts the second time that it is
 * seen.
 */
import { anchoredBytes, type JournalRing } from '../../../journal/ring.js';
import type { StreamLocks } from '../../../replication/stream-locks.js';

export class JournalAnchors {
  /** Replicas whose links were lost, by name, and when. */
  private readonly away = new Map<string, number>();
  private hadReason = false;

  constructor(
    private readonly rings: readonly JournalRing[],
    private readonly locks: StreamLocks,
  ) {}

  left(name: string, nowMs: number): void {
    this.away.set(name, nowMs);
  }

  /** The replica is there, and no further behind than any may be. */
  caughtUp(name: string): void {
    this.away.delete(name);
  }

  /**
   * @param isThere whether a replica has come back
   * @param stayMs how long one is waited for
   * @param bytesMax by how much the journals may grow for them
   */
  tick(
    nowMs: number,
    isThere: (name: string) => boolean,
    { stayMs, bytesMax }: { readonly stayMs: number; readonly bytesMax: number },
  ): void {
    for (const [name, sinceMs] of this.away) {
      if (!isThere(name) && nowMs - sinceMs > stayMs) this.away.delete(name);
    }
    const hasReason = this.away.size === 0 || anchoredBytes(this.rings) > bytesMax;
    if (hasReason && this.hadReason) this.removeAll();
    this.hadReason = hasReason;
  }

  private removeAll(): void {
    this.rings.forEach((ring, stream) => {
      if (!ring.isAnchored) return;
      this.locks.lock(stream);
      ring.removeAnchor();
      this.locks.unlock(stream);
    });
  }
}
