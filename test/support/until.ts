/** Tests wait for a state, never for a time: a busy machine takes ten times as long as a quiet one. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** A bound of failures only. */
const WITHIN_MS = 120_000;
const POLL_MS = 20;

/** Waits until `check` gives true; fails with what it said last. */
export async function until(
  what: string,
  check: () => boolean | string | Promise<boolean | string>,
  withinMs = WITHIN_MS,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const said = await check();
    if (said === true) return;
    if (performance.now() > endMs) {
      assert.fail(`not within ${withinMs} ms: ${what} (${String(said)})`);
    }
    await sleep(POLL_MS);
  }
}
