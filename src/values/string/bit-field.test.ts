import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import {
  fitField,
  fitted,
  fitWideField,
  NUMBER_BITS_MAX,
  OVERFLOW_FAIL,
  OVERFLOW_SATURATE,
  OVERFLOW_WRAP,
  readField,
  readWideField,
  writeField,
  writeWideField,
} from './bit-field.js';

const OFFSET = 3;
const LENGTH = 20;

function regionOf(bytes: Uint8Array): Region {
  const region = new Region(new SharedArrayBuffer(32), 0);
  region.bytes.fill(0xff);
  region.bytes.set(bytes, OFFSET);
  return region;
}

/** All bits of the value as text, followed by the zeroes that lie beyond. */
function bitsOf(region: Region): string {
  const bytes = [...region.bytes.slice(OFFSET, OFFSET + LENGTH)];
  return bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('') + '0'.repeat(200);
}

const content = fc.uint8Array({ minLength: LENGTH, maxLength: LENGTH });
const width = fc.integer({ min: 1, max: 64 });

test('fields of any width are read as their bits say', () => {
  fc.assert(
    fc.property(content, fc.nat(LENGTH * 8 + 70), width, (bytes, bit, bits) => {
      const region = regionOf(bytes);
      const expected = BigInt(`0b${bitsOf(region).slice(bit, bit + bits)}`);
      const signed = BigInt.asIntN(bits, expected);
      assert.equal(readWideField(region, OFFSET, LENGTH, bit, bits, false), expected);
      assert.equal(readWideField(region, OFFSET, LENGTH, bit, bits, true), signed);
      if (bits > NUMBER_BITS_MAX) return;
      assert.equal(readField(region, OFFSET, LENGTH, bit, bits, false), Number(expected));
      assert.equal(readField(region, OFFSET, LENGTH, bit, bits, true), Number(signed));
    }),
    { numRuns: 2000 },
  );
});

test('writing a field changes its bits and no others', () => {
  const value = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(content, fc.nat(LENGTH * 8 - 64), width, value, (bytes, bit, bits, field) => {
      const region = regionOf(bytes);
      const before = bitsOf(region);
      const digits = BigInt.asUintN(bits, field).toString(2).padStart(bits, '0');
      const expected = before.slice(0, bit) + digits + before.slice(bit + bits);
      writeWideField(region, OFFSET, bit, bits, field);
      assert.equal(bitsOf(region), expected);
      assert.equal(region.bytes[OFFSET - 1], 0xff);
      assert.equal(region.bytes[OFFSET + LENGTH], 0xff);
      if (bits > NUMBER_BITS_MAX) return;
      const other = regionOf(bytes);
      writeField(other, OFFSET, bit, bits, Number(BigInt.asIntN(bits, field)));
      assert.equal(bitsOf(other), expected);
    }),
    { numRuns: 2000 },
  );
});

test('what does not fit wraps, stops at the limit, or is told', () => {
  assert.equal(fitField(300, 8, false, OVERFLOW_WRAP), 44);
  assert.equal(fitField(300, 8, false, OVERFLOW_SATURATE), 255);
  assert.equal(fitField(-1, 8, false, OVERFLOW_SATURATE), 0);
  assert.equal(fitField(128, 8, true, OVERFLOW_WRAP), -128);
  assert.equal(fitField(-129, 8, true, OVERFLOW_SATURATE), -128);
  fitField(128, 8, true, OVERFLOW_FAIL);
  assert.equal(fitted.overflowed, true);
  fitField(127, 8, true, OVERFLOW_FAIL);
  assert.equal(fitted.overflowed, false);
  assert.equal(fitWideField(2n ** 63n, 64, true, OVERFLOW_WRAP), -(2n ** 63n));
  assert.equal(fitWideField(2n ** 64n - 1n, 63, false, OVERFLOW_SATURATE), 2n ** 63n - 1n);
});

test('numbers and bigints agree', () => {
  const narrow = fc.integer({ min: 1, max: NUMBER_BITS_MAX });
  const value = fc.oneof(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.maxSafeInteger().map((n) => Math.floor(n / 2)),
  );
  const overflow = fc.constantFrom(OVERFLOW_WRAP, OVERFLOW_SATURATE);
  fc.assert(
    fc.property(value, narrow, fc.boolean(), overflow, (n, bits, signed, policy) => {
      const wide = fitWideField(BigInt(n), bits, signed, policy);
      const overflowed = fitted.overflowed;
      assert.equal(fitField(n, bits, signed, policy), Number(wide));
      assert.equal(fitted.overflowed, overflowed);
    }),
    { numRuns: 2000 },
  );
});
