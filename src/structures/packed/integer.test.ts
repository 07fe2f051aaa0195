import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import { Int64, readNumber } from './integer.js';

const region = new Region(new SharedArrayBuffer(64), 0);
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

function parse(value: Int64, text: string): boolean {
  const length = Buffer.from(region.buffer).write(text, 'latin1');
  return value.parse(region, 0, length);
}

function written(value: Int64): string {
  const length = value.textLength;
  region.bytes.fill(0);
  value.writeText(region, 3, length);
  assert.equal(region.bytes[2], 0);
  assert.equal(region.bytes[3 + length], 0);
  return Buffer.from(region.bytes.slice(3, 3 + length)).toString('latin1');
}

const integers = fc.oneof(
  fc.bigInt(MIN, MAX),
  fc.bigInt(-300n, 300n),
  fc
    .tuple(fc.integer({ min: 0, max: 63 }), fc.bigInt(-2n, 2n), fc.boolean())
    .map(([bits, near, negative]) => {
      const value = (negative ? -1n : 1n) * 2n ** BigInt(bits) + near;
      return value < MIN ? MIN : value > MAX ? MAX : value;
    }),
  fc
    .tuple(fc.integer({ min: 0, max: 18 }), fc.bigInt(-1n, 1n))
    .map(([d, near]) => 10n ** BigInt(d) + near),
);

test('every integer of 64 bits is parsed, kept in the fewest bytes, and written as it was', () => {
  fc.assert(
    fc.property(integers, (integer) => {
      const value = new Int64();
      assert.ok(parse(value, integer.toString()));
      assert.equal(value.toText(), integer.toString());
      assert.equal(written(value), integer.toString());
      const { width } = value;
      const bits = BigInt(8 * width);
      assert.equal(BigInt.asIntN(Number(bits), integer), integer);
      if (width > 1) assert.notEqual(BigInt.asIntN(Number(bits) - 8, integer), integer);
      value.write(region, 5, width);
      const again = new Int64();
      again.read(region, 5, width);
      assert.equal(again.compare(value), 0);
      assert.ok(value.equals(region, 5, width));
      assert.equal(readNumber(region, 5, width), Number(integer));
      for (let i = 0; i < width; i++) {
        region.bytes[5 + i]! ^= 1;
        assert.equal(value.equals(region, 5, width), false);
        region.bytes[5 + i]! ^= 1;
      }
      if (integer > -(2n ** 53n) && integer < 2n ** 53n) {
        again.set(Number(integer));
        assert.equal(again.toText(), integer.toString());
        assert.equal(value.number, Number(integer));
      }
    }),
    { numRuns: 3000 },
  );
});

test('integers compare as numbers do', () => {
  fc.assert(
    fc.property(integers, integers, (left, right) => {
      const [a, b] = [new Int64(), new Int64()];
      parse(a, left.toString());
      parse(b, right.toString());
      assert.equal(Math.sign(a.compare(b)), left < right ? -1 : left > right ? 1 : 0);
    }),
    { numRuns: 2000 },
  );
});

test('texts that are no canonical integer of 64 bits are not taken', () => {
  const value = new Int64();
  const wrong = [
    '',
    '-',
    '+1',
    '01',
    '-0',
    '-01',
    '00',
    ' 1',
    '1 ',
    '1.0',
    '0x1',
    '1e3',
    '--1',
    'a',
  ];
  for (const text of wrong) assert.equal(parse(value, text), false, text);
  const beyond = [MAX + 1n, MIN - 1n, 2n ** 64n, 10n ** 19n, 99_999_999_999_999_999_999n];
  for (const integer of beyond) assert.equal(parse(value, integer.toString()), false);
  assert.ok(parse(value, MAX.toString()));
  assert.ok(parse(value, MIN.toString()));
  fc.assert(
    fc.property(
      fc.string({ maxLength: 22, unit: fc.constantFrom(...'0123456789-+. ') }),
      (text) => {
        const canonical = /^(0|-?[1-9][0-9]{0,18})$/.test(text);
        const inRange = canonical && BigInt(text) >= MIN && BigInt(text) <= MAX;
        assert.equal(parse(value, text), inRange);
      },
    ),
    { numRuns: 3000 },
  );
});
