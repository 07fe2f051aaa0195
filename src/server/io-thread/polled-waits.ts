/**
 * Waits for what nobody announces to this thread: acknowledgements of replicas (WAIT), files (WAITAOF).
 * The longer the latest of them has waited, the rarer it is looked for, so that the look comes late by a
 * small part of the wait at most.
 */
const WAITED_SHARE = 1 / 8;
const LOOK_MS_MIN = 1;

export interface PolledWait {
  readonly beganMs: number;
  readonly deadlineMs: number;
}

/** A wait that begins now. @param timeoutMs 0: without end */
export function beginWait(timeoutMs: number): PolledWait {
  const beganMs = Date.now();
  return { beganMs, deadlineMs: timeoutMs === 0 ? Number.POSITIVE_INFINITY : beganMs + timeoutMs };
}

/** Milliseconds until the next look; Infinity when nobody waits. */
export function nextLookMs(waits: readonly PolledWait[], nowMs: number): number {
  let restMs = Number.POSITIVE_INFINITY;
  for (const { beganMs, deadlineMs } of waits) {
    restMs = Math.min(restMs, (nowMs - beganMs) * WAITED_SHARE, deadlineMs - nowMs);
  }
  return Math.max(LOOK_MS_MIN, restMs);
}
