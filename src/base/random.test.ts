import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partOf, randomBits } from './random.js';

const DRAWS = 60_000;

test('every bit of a random number is set half the time, and each part chosen as often', () => {
  const bits = new Array<number>(32).fill(0);
  const parts = new Array<number>(6).fill(0);
  for (let draw = 0; draw < DRAWS; draw++) {
    const number = randomBits();
    for (let bit = 0; bit < 32; bit++) bits[bit]! += (number >>> bit) & 1;
    parts[partOf(parts.length, number)]! += 1;
  }
  // Eight standard deviations.
  const isNear = (count: number, share: number) =>
    Math.abs(count - DRAWS * share) < 8 * Math.sqrt(DRAWS * share * (1 - share));
  for (const count of bits) assert.ok(isNear(count, 1 / 2), `${bits}`);
  for (const count of parts) assert.ok(isNear(count, 1 / 6), `${parts}`);
});

test('a part of a whole is never the whole', () => {
  for (const whole of [1, 3, 2 ** 31 - 1, 2 ** 32]) {
    assert.equal(partOf(whole, 0), 0);
    assert.equal(partOf(whole, -1), whole - 1);
  }
});
