/** The text of doubles; test/differential compares it with what redis-server prints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDouble } from './double-text.js';

test('whole numbers have all their digits, and no exponent below the seventeenth', () => {
  const most = Number.MAX_SAFE_INTEGER;
  for (const x of [1, -1, 10, 120_000, 4_294_967_295, -1e15, most, -most, 2 ** 53, 1e16]) {
    assert.equal(formatDouble(x), BigInt(x).toString());
  }
  assert.equal(formatDouble(1e17), '1e+17');
  assert.equal(formatDouble(-0), '-0');
  assert.equal(formatDouble(0.1), '0.10000000000000001');
});
