import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PolledWait, PolledWaits } from './polled-waits.js';

const NEVER = Number.POSITIVE_INFINITY;

/** @returns what a look at all of them says, none of which is over */
function nextLookMs(waits: readonly PolledWait[], nowMs: number): number {
  const polled = new PolledWaits<PolledWait>();
  for (const wait of waits) polled.add(wait);
  return polled.look(nowMs, true, () => true);
}

test('a wait is looked at the rarer the longer it lasts, and at its end', () => {
  const forever = { beganMs: 1000, deadlineMs: NEVER };
  assert.equal(nextLookMs([], 1000), NEVER);
  assert.equal(nextLookMs([forever], 1000), 1);
  assert.equal(nextLookMs([forever], 1800), 100);
  assert.equal(nextLookMs([forever, { beganMs: 1000, deadlineMs: 1840 }], 1800), 40);
  assert.equal(nextLookMs([forever, { beganMs: 1760, deadlineMs: 9000 }], 1800), 5);
  assert.equal(nextLookMs([{ beganMs: 1000, deadlineMs: 1500 }], 1800), 1);
});

test('without news nothing is looked at before the first deadline', () => {
  const waits = new PolledWaits<PolledWait>();
  const wait = { beganMs: 1000, deadlineMs: 1500 };
  waits.add({ beganMs: 1000, deadlineMs: NEVER });
  waits.add(wait);
  let looks = 0;
  const look = (nowMs: number, hasNews: boolean) =>
    waits.look(nowMs, hasNews, (one) => {
      looks++;
      return nowMs < one.deadlineMs || !waits.delete(one);
    });
  look(1100, false);
  assert.equal(looks, 0);
  look(1200, true);
  assert.equal(looks, 2);
  look(1499, false);
  assert.equal(looks, 2);
  assert.equal(look(1500, false), 62.5);
  assert.deepEqual([looks, waits.size], [4, 1]);
  assert.equal(waits.delete(wait), false);
  look(9000, false);
  assert.equal(looks, 4);
});

test('a look that took long is not followed by another at once, and no news is lost', () => {
  const waits = new PolledWaits<PolledWait>();
  waits.add({ beganMs: 1000, deadlineMs: NEVER });
  let looks = 0;
  const endMs = performance.now() + 20;
  const look = (hasNews: boolean) =>
    waits.look(1000, hasNews, () => {
      looks++;
      while (performance.now() < endMs);
      return true;
    });
  look(true);
  assert.ok(look(true) > 1);
  assert.equal(looks, 1);
  while (looks === 1) look(false);
  assert.equal(looks, 2);
});
