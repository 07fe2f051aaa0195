import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThreadBeats } from './thread-beats.js';

test('a thread is away while it does not count, and back with its next beat', () => {
  const shared = ThreadBeats.create(2);
  const [own, other] = [new ThreadBeats(shared), new ThreadBeats(shared)];
  for (let nowMs = 0; nowMs <= 1000; nowMs += 100) {
    own.beat(0);
    if (nowMs < 500) other.beat(1);
    own.look(nowMs);
    assert.equal(own.isAway(0, nowMs), false);
    assert.equal(own.isAway(1, nowMs), nowMs > 700, `${nowMs}`);
  }
  other.beat(1);
  assert.equal(own.isAway(1, 1001), false);
});

test('an observer that has not looked for long takes nobody for away', () => {
  const shared = ThreadBeats.create(2);
  const [own, other] = [new ThreadBeats(shared), new ThreadBeats(shared)];
  assert.equal(own.isAway(1, 5000), false);
  own.look(5000);
  other.beat(1);
  assert.equal(own.isAway(1, 60_000), false);
  own.look(60_000);
  assert.equal(own.isAway(1, 60_100), false);
  assert.equal(own.isAway(1, 60_301), true);
});
