import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CatchUps } from './catch-ups.js';

test('a replica does not continue in the midst of its catching up, but where it has joined', () => {
  const catchUps = new CatchUps();
  catchUps.add(100, 150);
  catchUps.add(140, 160);
  catchUps.add(170, 170);
  const refused = [99, 100, 149, 150, 159, 160, 170].filter((offset) => catchUps.has(offset));
  assert.deepEqual(refused, [100, 149, 150, 159]);
  catchUps.forget(150);
  assert.ok(!catchUps.has(120));
  assert.ok(catchUps.has(155));
});
