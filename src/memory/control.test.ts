import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bucketEndNanoseconds,
  bucketOf,
  COUNTER_CHANGES,
  COUNTER_COMMANDS,
  ControlBlock,
  HISTOGRAM_BUCKETS,
  WORD_USED_PAGES,
} from './control.js';

test('sections of threads and commands do not overlap', () => {
  const control = ControlBlock.create(3, 5);
  const last = new ControlBlock(control.buffer, 3, 5).threads[2]!;
  for (const [index, thread] of control.threads.entries()) {
    for (const array of [thread.counters, thread.errors, thread.calls, thread.failed]) {
      array.fill(index + 1);
    }
    thread.microseconds.fill(index + 1);
    thread.rejected.fill(index + 1);
    thread.histograms.fill(index + 1);
  }
  assert.ok(last.counters.every((value) => value === 3));
  assert.ok(last.failed.every((value) => value === 3));
  assert.ok(last.histograms.every((value) => value === 3));
  assert.equal(control.sum(COUNTER_COMMANDS), 6);
  assert.equal(control.sumOfCommand('calls', 4), 6);
  assert.equal(control.histogram(4)[HISTOGRAM_BUCKETS - 1], 6);
  assert.equal(control.words[WORD_USED_PAGES], 0);
  assert.deepEqual(control.errorList(), []);
});

test('a histogram bucket holds what lies between its predecessor and its end', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x3fff_ffff }), (nanoseconds) => {
      const bucket = bucketOf(nanoseconds);
      assert.ok(bucket >= 0 && bucket < HISTOGRAM_BUCKETS);
      assert.ok(nanoseconds <= bucketEndNanoseconds(bucket));
      if (bucket > 0) assert.ok(nanoseconds > bucketEndNanoseconds(bucket - 1));
    }),
  );
  assert.equal(bucketOf(1e12), HISTOGRAM_BUCKETS - 1);
  assert.equal(bucketOf(-1), 0);
});

test('reset clears what CONFIG RESETSTAT clears and keeps the count of changes', () => {
  const control = ControlBlock.create(1, 4);
  const [own] = control.threads;
  own!.counters[COUNTER_COMMANDS] = 7;
  own!.counters[COUNTER_CHANGES] = 9;
  own!.commandEnded(2, 30, 3);
  assert.equal(control.histogram(2)[bucketOf(10_000)], 3);
  own!.reset();
  assert.equal(control.sum(COUNTER_COMMANDS), 0);
  assert.equal(control.sum(COUNTER_CHANGES), 9);
  assert.ok(control.histogram(2).every((count) => count === 0));
  assert.equal(control.sumOfCommand('calls', 2), 0);
});

test('error names get one index in all threads, until the table is full', () => {
  const one = ControlBlock.create(2, 1);
  const other = new ControlBlock(one.buffer, 2, 1);
  assert.equal(one.errorIndex('ERR'), 0);
  assert.equal(other.errorIndex('WRONGTYPE'), 1);
  assert.equal(other.errorIndex('ERR'), 0);
  assert.equal(one.errorIndex('X'.repeat(50)), other.errorIndex('X'.repeat(50)));
  for (let i = 0; i < 200; i++) one.errorIndex(`E${i}`);
  assert.equal(one.errorIndex('ONEMORE'), -1);
  assert.equal(other.errorList().length, 128);
  assert.deepEqual(other.errorList().slice(0, 2), ['ERR', 'WRONGTYPE']);
});

test('ids are given out once, and a pause only grows', () => {
  const control = ControlBlock.create(1, 1);
  assert.deepEqual([control.nextClientId(), control.nextClientId()], [1, 2]);
  assert.deepEqual([control.nextSlowLogId(), control.nextSlowLogId()], [0, 1]);
  assert.equal(control.pauseMode(0), 0);
  control.pause(2, 1000, 0);
  control.pause(1, 500, 0);
  assert.equal(control.pauseMode(999), 2);
  assert.equal(control.pauseMode(1000), 0);
  control.pause(1, 3000, 2000);
  assert.equal(control.pauseMode(2000), 1);
  control.unpause();
  assert.equal(control.pauseMode(2000), 0);
});
