import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, percentile, ratios } from './statistics.js';

test('median of an even and an odd number of values', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('a ratio is taken within its round', () => {
  assert.deepEqual(ratios([10, 30, 8], [5, 10, 8]), { median: 2, min: 1, max: 3 });
  assert.throws(() => ratios([1], [1, 2]));
});

test('nearest-rank percentiles', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(percentile(values, 99), 99);
  assert.equal(percentile(values, 50), 50);
  assert.equal(percentile(values, 100), 100);
});
