/** Counts of 64 bits do what numbers of 64 bits do, as BigInt tells. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import { Count } from './count.js';

const any64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-1n, 0n, 1n, 2n ** 32n - 1n, -(2n ** 32n), 2n ** 63n - 1n, -(2n ** 63n)),
);
const wrapped = (value: bigint): bigint => BigInt.asIntN(64, value);
const count = (value: bigint): Count => new Count().setBig(value);

test('sums and differences wrap around as 64 bits do', () => {
  fc.assert(
    fc.property(any64, any64, fc.nat(Number.MAX_SAFE_INTEGER), (one, other, number) => {
      assert.equal(count(one).toBig(), one);
      assert.equal(count(one).increment().toBig(), wrapped(one + 1n));
      assert.equal(count(one).subtract(count(other)).toBig(), wrapped(one - other));
      assert.equal(count(one).subtractNumber(number).toBig(), wrapped(one - BigInt(number)));
      assert.equal(count(one).isSame(count(other)), one === other);
      assert.equal(count(one).isZero, one === 0n);
      assert.equal(count(one).isUnknown, one === -1n);
      assert.equal(count(one).isNegative, one < 0n);
    }),
  );
});

test('bytes bring back what was stored', () => {
  const region = new Region(new SharedArrayBuffer(16), 0);
  fc.assert(
    fc.property(any64, (value) => {
      count(value).store(region, 3);
      assert.equal(region.view.getBigInt64(3, true), value);
      assert.equal(new Count().load(region, 3).toBig(), value);
    }),
  );
});
