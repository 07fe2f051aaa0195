import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bucketEndNanoseconds,
  bucketOf,
  HISTOGRAM_BUCKETS,
  percentileMicroseconds,
} from './histogram.js';

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

test('percentiles are upper limits within an eighth', () => {
  const counts = new Float64Array(HISTOGRAM_BUCKETS);
  for (let i = 1; i <= 1000; i++) counts[bucketOf(i * 1000)]! += 1;
  for (const percent of [50, 99, 99.9]) {
    const value = percentileMicroseconds(counts, percent);
    assert.ok(value >= percent * 10 && value <= percent * 10 * 1.13, `p${percent}=${value}`);
  }
  assert.equal(percentileMicroseconds(new Float64Array(8), 50), 0);
});
