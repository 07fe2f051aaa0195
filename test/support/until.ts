/** Tests wait for a state, never for a time: a busy machine takes ten times as long as a quiet one. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** A bound of failures only. */
const WITHIN_MS = 120_000;
/**
 * Soon at first, then ever more seldom: a look may cost a server some milliseconds. What takes long is
 * looked at once in a small share of the time that it has taken.
 */
const FIRST_POLL_MS = 5;
const SOON_MS = 50;
const LAST_POLL_MS = 250;
const POLL_GROWTH = 1.5;
const POLL_SHARE = 0.05;

/** Waits until `check` gives true; fails with what it said last. */
export async function until(
  what: string,
  check: () => boolean | string | Promise<boolean | string>,
  withinMs = WITHIN_MS,
): Promise<void> {
  const beganMs = performance.now();
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(SOON_MS, pollMs * POLL_GROWTH)) {
    const said = await check();
    if (said === true) return;
    const passedMs = performance.now() - beganMs;
    if (passedMs > withinMs) {
      assert.fail(`not within ${withinMs} ms: ${what} (${String(said)})`);
    }
    await sleep(Math.min(LAST_POLL_MS, Math.max(pollMs, passedMs * POLL_SHARE)));
  }
}
