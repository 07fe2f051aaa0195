import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextLookMs } from './polled-waits.js';

test('a wait is looked at the rarer the longer it lasts, and at its end', () => {
  const forever = { beganMs: 1000, deadlineMs: Number.POSITIVE_INFINITY };
  assert.equal(nextLookMs([], 1000), Number.POSITIVE_INFINITY);
  assert.equal(nextLookMs([forever], 1000), 1);
  assert.equal(nextLookMs([forever], 1800), 100);
  assert.equal(nextLookMs([forever, { beganMs: 1000, deadlineMs: 1840 }], 1800), 40);
  assert.equal(nextLookMs([forever, { beganMs: 1760, deadlineMs: 9000 }], 1800), 5);
  assert.equal(nextLookMs([{ beganMs: 1000, deadlineMs: 1500 }], 1800), 1);
});
