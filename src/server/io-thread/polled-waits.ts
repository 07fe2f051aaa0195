/**
 * Waits for what not everybody announces to this thread: acknowledgements of replicas (WAIT), files (WAITAOF).
 * The longer the latest of them has waited, the rarer it is looked for, so that the look comes late by a
 * small part of the wait at most. Where thousands wait, looking at them has its share of the thread's time.
 */
import { clock } from '../../base/clock.js';

const WAITED_SHARE = 1 / 8;
const LOOK_MS_MIN = 1;
/** After a look that took longer than this there is no other for so many times as long. */
const LONG_LOOK_MS = 0.2;
const LOOKS_APART = 3;

export interface PolledWait {
  readonly beganMs: number;
  readonly deadlineMs: number;
}

/** A wait that begins now. @param timeoutMs 0: without end */
export function beginWait(timeoutMs: number): PolledWait {
  const beganMs = Date.now();
  return { beganMs, deadlineMs: timeoutMs === 0 ? Number.POSITIVE_INFINITY : beganMs + timeoutMs };
}

export class PolledWaits<W extends PolledWait> {
  /** In the order in which they began. */
  private readonly waits = new Set<W>();
  private newestMs = 0;
  /** No deadline is before it. */
  private earliestMs = Number.POSITIVE_INFINITY;
  /** Of `clock`: until then there is no look. */
  private restsUntilMs = 0;
  /** News that no look has been at. */
  private hasNews = false;

  get size(): number {
    return this.waits.size;
  }

  add(wait: W): void {
    this.waits.add(wait);
    this.newestMs = wait.beganMs;
    this.earliestMs = Math.min(this.earliestMs, wait.deadlineMs);
  }

  /** @returns whether it was there */
  delete(wait: W): boolean {
    return this.waits.delete(wait);
  }

  all(): W[] {
    return [...this.waits];
  }

  /**
   * Looks at all, unless the last look was just now.
   *
   * @param hasNews false: only those whose time is up can be over
   * @param look takes out what is over. @returns whether it goes on
   * @returns milliseconds until the next look; Infinity when nobody waits
   */
  look(nowMs: number, hasNews: boolean, look: (wait: W) => boolean): number {
    if (this.waits.size === 0) return Number.POSITIVE_INFINITY;
    this.hasNews ||= hasNews;
    const beganMs = clock.now();
    if (beganMs < this.restsUntilMs) return Math.max(LOOK_MS_MIN, this.restsUntilMs - beganMs);
    if (this.hasNews || nowMs >= this.earliestMs) {
      this.hasNews = false;
      let earliestMs = Number.POSITIVE_INFINITY;
      for (const wait of this.waits) {
        if (look(wait) && wait.deadlineMs < earliestMs) earliestMs = wait.deadlineMs;
      }
      this.earliestMs = earliestMs;
      const endedMs = clock.now();
      const tookMs = endedMs - beganMs;
      if (tookMs > LONG_LOOK_MS) this.restsUntilMs = endedMs + tookMs * LOOKS_APART;
    }
    return this.nextLookMs(nowMs);
  }

  private nextLookMs(nowMs: number): number {
    if (this.waits.size === 0) return Number.POSITIVE_INFINITY;
    const restMs = Math.min((nowMs - this.newestMs) * WAITED_SHARE, this.earliestMs - nowMs);
    return Math.max(LOOK_MS_MIN, restMs);
  }
}
