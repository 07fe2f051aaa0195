import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailureLog } from './failure-log.js';

test('exceptions are logged with their stacks, a few in a period, the others counted', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const log = new FailureLog(
    (text) => lines.push(text),
    () => nowMs,
  );
  for (let i = 0; i < 1000; i++) log.note('Exception in a test', new Error(`number ${i}`));
  assert.equal(lines.length, 10);
  assert.match(lines[0]!, /^Exception in a test: Error: number 0\n\s+at .*failure-log\.test/);
  nowMs = 10_000;
  log.note('Exception in a test', 'no error at all');
  assert.deepEqual(lines.slice(10), [
    '990 more exceptions were not logged',
    'Exception in a test: no error at all',
  ]);
});
