import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import {
  COMBINE_AND,
  COMBINE_OR,
  COMBINE_XOR,
  combineBits,
  countBitRange,
  countBits,
  findBit,
  findBitInRange,
  invertBits,
} from './bits.js';

/** Bytes at an odd place of a region, with set bits on both sides of them. */
function place(bytes: Uint8Array, offset: number): Region {
  const region = new Region(new SharedArrayBuffer((bytes.length + offset + 15) & ~7), 0);
  region.bytes.fill(0xff);
  region.bytes.set(bytes, offset);
  return region;
}

function bitsOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
}

const offsets = fc.nat(7);
/** Mostly long runs of the same byte, so that words of 0 and -1 are met. */
const someBytes = fc
  .array(fc.tuple(fc.constantFrom(0, 255, 128, 1, 0x5a), fc.nat(40)), { maxLength: 6 })
  .map((runs) => Uint8Array.from(runs.flatMap(([byte, count]) => Array(count).fill(byte))));
const bytesAny = fc.oneof(someBytes, fc.uint8Array({ maxLength: 100 }));

test('counting agrees with counting one by one', () => {
  fc.assert(
    fc.property(bytesAny, offsets, (bytes, offset) => {
      const ones = bitsOf(bytes).replaceAll('0', '').length;
      assert.equal(countBits(place(bytes, offset), offset, bytes.length), ones);
    }),
    { numRuns: 500 },
  );
});

test('counting in a range takes exactly its bits', () => {
  const filled = bytesAny.filter((bytes) => bytes.length > 0);
  fc.assert(
    fc.property(filled, offsets, fc.nat(), fc.nat(), (bytes, offset, a, b) => {
      const total = bytes.length * 8;
      const first = Math.min(a % total, b % total);
      const last = Math.max(a % total, b % total);
      const bits = bitsOf(bytes).slice(first, last + 1);
      const region = place(bytes, offset);
      const ones = bits.replaceAll('0', '').length;
      assert.equal(countBitRange(region, offset, first, last), ones);
      for (const bit of [0, 1]) {
        const found = bits.indexOf(String(bit));
        const expected = found < 0 ? -1 : found + first;
        assert.equal(findBitInRange(region, offset, first, last, bit), expected);
      }
    }),
    { numRuns: 1000 },
  );
});

test('finding agrees with searching the bits', () => {
  fc.assert(
    fc.property(bytesAny, offsets, (bytes, offset) => {
      const region = place(bytes, offset);
      for (const bit of [0, 1]) {
        const expected = bitsOf(bytes).indexOf(String(bit));
        assert.equal(findBit(region, offset, bytes.length, bit), expected);
      }
    }),
    { numRuns: 500 },
  );
});

test('combining and inverting change exactly the bytes they should', () => {
  fc.assert(
    fc.property(bytesAny, bytesAny, offsets, offsets, (left, right, a, b) => {
      const length = Math.min(left.length, right.length);
      for (const [operation, combine] of [
        [COMBINE_AND, (x: number, y: number) => x & y],
        [COMBINE_OR, (x: number, y: number) => x | y],
        [COMBINE_XOR, (x: number, y: number) => x ^ y],
      ] as const) {
        const region = place(left, a);
        const expected = Uint8Array.from(region.bytes);
        for (let i = 0; i < length; i++) expected[a + i] = combine(left[i]!, right[i]!);
        combineBits(operation, region, a, place(right, b), b, length);
        assert.deepEqual(Uint8Array.from(region.bytes), expected);
      }
      const region = place(left, a);
      const expected = Uint8Array.from(region.bytes);
      for (let i = 0; i < left.length; i++) expected[a + i]! ^= 0xff;
      invertBits(region, a, left.length);
      assert.deepEqual(Uint8Array.from(region.bytes), expected);
    }),
    { numRuns: 300 },
  );
});
