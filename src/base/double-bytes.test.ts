/** Doubles as bytes: what formatDouble writes, for all that it leaves to these. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DOUBLE_BYTES_MAX, writeLongDouble } from './double-bytes.js';
import { formatDouble } from './double-text.js';

const bytes = new Uint8Array(DOUBLE_BYTES_MAX + 1);

/** Undefined where it leaves the number to formatDouble. */
function written(x: number): string | undefined {
  bytes.fill(0xff);
  const end = writeLongDouble(bytes, 0, x);
  if (end < 0) return undefined;
  assert.equal(bytes[end], 0xff, `${x}: bytes behind its end`);
  return Buffer.from(bytes.subarray(0, end)).toString('latin1');
}

describe('a double written as bytes', () => {
  it('is what formatDouble gives', () => {
    for (const x of [
      ...[0.1, 1e-4, 9.5, 1e16, 1e17, 1e21, 123456789012345680, 0.30000000000000004, 100.25],
      ...[
        9999999999999998,
        2 ** 53,
        2 ** 53 + 2,
        2 ** 63,
        2 ** 52 + 1.5,
        Number('99999999999999990'),
      ],
      ...[Number('17000000000000123e1'), 9.99e21, 0.00012345678901234567, 1 / 3, 1e5 / 3],
    ]) {
      assert.equal(written(x), formatDouble(x));
      assert.equal(written(-x), formatDouble(-x));
    }
  });

  it('is left to formatDouble where its digits are not known', () => {
    for (const x of [0, -0, Number.NaN, Infinity, -Infinity, 1e22, 9.999e-5, 5e-324, 1e300]) {
      assert.equal(written(x), undefined);
    }
  });

  it('is what formatDouble gives, for any double', () => {
    const sizes = fc.tuple(fc.double({ min: 1, max: 10 }), fc.integer({ min: -6, max: 23 }));
    const scaled = sizes.map(([x, power]) => x * 10 ** power);
    fc.assert(
      fc.property(fc.oneof(fc.double(), scaled, fc.maxSafeInteger()), (x) => {
        const text = written(x);
        if (text !== undefined) assert.equal(text, formatDouble(x));
      }),
      { numRuns: 20_000 },
    );
  });
});
