import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  expiryOf,
  hasExpired,
  isEarlier,
  isExpiry,
  millisecondsOf,
  TIME_MAX,
} from './expiry-time.js';

const NEAR_MAX = 2n ** 53n - 1n;
const time = fc.oneof(
  fc.bigInt({ min: 1n, max: TIME_MAX }),
  fc.bigInt({ min: NEAR_MAX - 3n, max: NEAR_MAX + 3n }),
  fc.bigInt({ min: TIME_MAX - 3n, max: TIME_MAX }),
);

test('property: every time of 63 bits comes back as it was, also through memory', () => {
  const view = new DataView(new SharedArrayBuffer(16));
  fc.assert(
    fc.property(time, (milliseconds) => {
      const expiry = expiryOf(milliseconds);
      assert.ok(isExpiry(expiry));
      view.setFloat64(3, expiry, true);
      assert.equal(millisecondsOf(view.getFloat64(3, true)), milliseconds);
      assert.equal(expiry > 0, milliseconds <= NEAR_MAX);
    }),
  );
});

test('property: times are compared as they are', () => {
  fc.assert(
    fc.property(time, time, (a, b) => {
      assert.equal(isEarlier(expiryOf(a), expiryOf(b)), a < b);
    }),
  );
});

test('a key expires after its time; a far one and one without never do', () => {
  assert.equal(hasExpired(1000, 1000), false);
  assert.equal(hasExpired(1000, 1001), true);
  assert.equal(hasExpired(0, 1001), false);
  for (const far of [NEAR_MAX + 1n, 2n ** 60n, TIME_MAX]) {
    assert.equal(hasExpired(expiryOf(far), Number.MAX_SAFE_INTEGER), false);
  }
});

test('what is no expiry is told apart', () => {
  const wrong = [0, -0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const number of [...wrong, 2 ** 53, -Number.MAX_VALUE])
    assert.equal(isExpiry(number), false);
});
