import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiskPace } from './disk-pace.js';

function note(pace: DiskPace, tookMs: number, times: number): void {
  for (let i = 0; i < times; i++) pace.note(tookMs);
}

test('a disk is quick until its operations take long, not for one that did', () => {
  const pace = new DiskPace();
  assert.ok(pace.isQuick);
  note(pace, 0.1, 10);
  pace.note(10);
  assert.ok(pace.isQuick);
  note(pace, 5, 10);
  assert.ok(!pace.isQuick);
  note(pace, 0.1, 20);
  assert.ok(pace.isQuick);
});

test('after it was stuck it is quick again before long, and not at once', () => {
  const pace = new DiskPace();
  pace.note(600_000);
  assert.ok(!pace.isQuick);
  note(pace, 0.1, 10);
  assert.ok(!pace.isQuick);
  note(pace, 0.1, 40);
  assert.ok(pace.isQuick);
});
