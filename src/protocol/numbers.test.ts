import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Region, toBinary } from '../base/region.js';
import { doubleIsShort, formatDouble, parseDouble, parseRangeDouble } from './doubles.js';
import { addLongDouble, formatLongDouble, parseLongDouble } from './long-double.js';
import {
  formatInteger,
  INT64_MAX,
  INT64_MIN,
  INTEGER_BIG,
  INTEGER_BYTES_MAX,
  INTEGER_OK,
  integerLength,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseIndex,
  parseInteger,
} from './numbers.js';

const region = new Region(new SharedArrayBuffer(16384), 0);
const integer = new ParsedInteger();

function put(text: string): number {
  region.bytes.fill(57); // nines around it, to notice who reads too far
  region.bytes.set(Buffer.from(text, 'latin1'), 3);
  return text.length;
}

function parsed(text: string): bigint | null {
  const kind = parseInteger(region, 3, put(text), integer);
  if (kind === NOT_AN_INTEGER) return null;
  return kind === INTEGER_OK ? BigInt(integer.value) : integer.big;
}

/** What Redis takes for an integer, written down independently. */
function reference(text: string): bigint | null {
  if (!/^(?:0|-?[1-9]\d*)$/.test(text)) return null;
  const value = BigInt(text);
  return value >= -(2n ** 63n) && value <= 2n ** 63n - 1n ? value : null;
}

describe('integers', () => {
  const edges = [0n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 10n ** 9n, 10n ** 18n, 2n ** 63n, 2n ** 64n];
  const near = fc
    .tuple(fc.constantFrom(...edges), fc.integer({ min: -3, max: 3 }), fc.boolean())
    .map(([edge, delta, negative]) => String((edge + BigInt(delta)) * (negative ? -1n : 1n)));

  test('canonical integers of 64 bits are read, nothing else', () => {
    const text = fc.oneof(
      near,
      fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
      fc.string({ unit: fc.constantFrom(...'0123456789-+ .e'), maxLength: 22 }),
      near.map((x) => `${x} `),
      near.map((x) => `+${x}`),
      near.map((x) => `0${x}`),
      near.map((x) => x.replace('1', '\0')),
    );
    fc.assert(
      fc.property(text, (x) => assert.equal(parsed(x), reference(x))),
      { numRuns: 5000 },
    );
  });

  test('beyond 53 bits the result is a bigint', () => {
    assert.equal(parseInteger(region, 3, put('9007199254740991'), integer), INTEGER_OK);
    assert.equal(parseInteger(region, 3, put('9007199254740992'), integer), INTEGER_BIG);
    assert.equal(parsed(String(INT64_MAX)), INT64_MAX);
    assert.equal(parsed(String(INT64_MIN)), INT64_MIN);
    for (const text of ['9223372036854775808', '-9223372036854775809', '', '-', '-0', '00']) {
      assert.equal(parsed(text), null, text);
    }
  });

  test('indexes are clamped', () => {
    assert.equal(parseIndex(region, 3, put('-17')), -17);
    assert.equal(parseIndex(region, 3, put('9223372036854775807')), Number.MAX_SAFE_INTEGER);
    assert.equal(parseIndex(region, 3, put('-9223372036854775808')), Number.MIN_SAFE_INTEGER);
    assert.ok(Number.isNaN(parseIndex(region, 3, put('9223372036854775808'))));
  });

  test('integers are written as String writes them', () => {
    const n = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -2000, max: 2000 }));
    const powers = fc
      .tuple(fc.nat(15), fc.integer({ min: -1, max: 1 }), fc.constantFrom(-1, 1))
      .map(([power, delta, sign]) => sign * (10 ** power + delta) || 0);
    fc.assert(
      fc.property(fc.oneof(n, powers), (x) => {
        region.bytes.fill(0);
        const end = formatInteger(region, 5, x);
        assert.equal(toBinary(region, 5, end - 5), String(x));
        assert.equal(integerLength(x), end - 5);
        assert.ok(end - 5 <= INTEGER_BYTES_MAX);
        assert.ok(region.bytes[4] === 0 && region.bytes[end] === 0);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('doubles', () => {
  const parse = (text: string): number => parseDouble(region, 3, put(text));

  test('decimals are rounded correctly, like Number()', () => {
    const digits = fc.string({
      unit: fc.constantFrom(...'0123456789'),
      minLength: 1,
      maxLength: 20,
    });
    const decimal = fc
      .tuple(fc.constantFrom('', '-', '+'), digits, fc.constantFrom('', '.'), digits)
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        fc.oneof(decimal, fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)),
        (x) => {
          assert.ok(Object.is(parse(x), Number(x)), x);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('numbers of 15 to 19 digits are exact as far as doubles are, with and without a fraction', () => {
    const limit = 2n ** 53n;
    const near = fc.bigInt({ min: limit - 100n, max: limit + 100n });
    const long = fc.bigInt({ min: 10n ** 14n, max: 10n ** 19n });
    fc.assert(
      fc.property(fc.oneof(near, long), fc.nat(30), (integer, fraction) => {
        const digits = `${integer}`;
        const whole = digits.slice(0, -fraction) || '0';
        const text =
          fraction === 0 ? digits : `${whole}.${digits.slice(-fraction).padStart(fraction, '0')}`;
        assert.ok(Object.is(parse(text), Number(text)), text);
      }),
      { numRuns: 5000 },
    );
  });

  test('an end of a range may begin with blanks, be empty, overflow, and ends at a NUL byte', () => {
    const cases: [string, number][] = [
      ['', 0],
      [' 1.5', 1.5],
      ['\t\n-2', -2],
      ['3\x00x', 3],
      ['\x00', 0],
      ['1e400', Infinity],
      ['-1e400', -Infinity],
      ['1e-400', 0],
      ['0x1p2000', Infinity],
      ['0x1p-2000', 0],
      [' ', Number.NaN],
      ['1 ', Number.NaN],
      ['nan', Number.NaN],
      ['x', Number.NaN],
    ];
    for (const [text, expected] of cases) {
      assert.equal(parseRangeDouble(region, 3, put(text)), expected, JSON.stringify(text));
    }
  });

  test('what strtod takes beyond decimals', () => {
    const cases: [string, number][] = [
      ['inf', Infinity],
      ['+INF', Infinity],
      ['-Infinity', -Infinity],
      ['0x10', 16],
      ['-0X1.8p3', -12],
      ['0x.8p-1', 0.25],
      ['0x1p-1074', 5e-324],
      ['0x1.fffffffffffff8p0', 2],
      ['0x1.fffffffffffff7fp0', 1.9999999999999998],
      ['5.', 5],
      ['.5', 0.5],
      ['1E2', 100],
      ['0e999999', 0],
      ['-0', -0],
    ];
    for (const [text, x] of cases) assert.ok(Object.is(parse(text), x), `${text}: ${parse(text)}`);
  });

  test('what is no number, or none that fits', () => {
    const texts = [
      '',
      ' 1',
      '1 ',
      'nan',
      '-nan',
      '.',
      '-',
      '+',
      'e5',
      '1e',
      '1e+',
      '0x',
      '0x.',
      '0x1p',
    ];
    texts.push(
      '1e400',
      '-1e400',
      '1e-400',
      '0x1p-1076',
      '0x1p1024',
      '1,5',
      '1_0',
      '0b1',
      '0o7',
      '--1',
    );
    texts.push('infin', 'Infinityy', '1.2.3', '\0', '1\0');
    for (const text of texts) assert.ok(Number.isNaN(parse(text)), text);
  });

  test('printing loses nothing and knows short integers', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (x) => {
        const text = formatDouble(x);
        assert.ok(Object.is(Number(text.replace('inf', 'Infinity')), x), text);
        assert.ok(text.replace(/e.*$|[-.]/g, '').replace(/^0+/, '').length <= 17, text);
        if (doubleIsShort(x)) assert.equal(text, String(x));
      }),
      { numRuns: 3000 },
    );
  });

  test('%.17g, with ties to even', () => {
    const cases: [number, string][] = [
      [0.1, '0.10000000000000001'],
      [1e16, '10000000000000000'],
      [1e17, '1e+17'],
      [123456789012345680, '1.2345678901234568e+17'],
      [0.0001, '0.0001'],
      [0.00001, '1.0000000000000001e-05'],
      [1.5e300, '1.5000000000000001e+300'],
      [5e-324, '4.9406564584124654e-324'],
      [2 ** 50 + 0.25, '1125899906842624.2'],
      [2 ** 50 + 0.75, '1125899906842624.8'],
      [-2.5, '-2.5'],
    ];
    for (const [x, text] of cases) assert.equal(formatDouble(x), text);
  });
});

describe('long doubles', () => {
  const add = (a: string, b: string): string =>
    formatLongDouble(addLongDouble(parseLongDouble(a)!, parseLongDouble(b)!));

  test('sums look as people expect them', () => {
    assert.equal(add('0.1', '0.2'), '0.3');
    assert.equal(add('10.50', '0.1'), '10.6');
    assert.equal(add('5.0e3', '2.0e2'), '5200');
    assert.equal(add('3', '-3'), '0');
    assert.equal(add('-0', '-0'), '0');
    assert.equal(add('1', '-1e-30'), '1');
    assert.equal(add('-1e-30', '0'), '0');
    assert.equal(add('18446744073709551615', '1'), '18446744073709551616');
    assert.equal(add('18446744073709551616', '1'), '18446744073709551616');
  });

  test('infinity is a number that no sum may reach', () => {
    const sum = (a: string, b: string): number =>
      addLongDouble(parseLongDouble(a)!, parseLongDouble(b)!).infinite;
    assert.equal(sum('inf', '1'), 1);
    assert.equal(sum('1', '-inf'), -1);
    assert.equal(sum('inf', '-inf'), 2);
    assert.equal(sum('1.1e4932', '1.1e4932'), 1);
    assert.equal(sum('1', '2'), 0);
  });

  test('what is no long double', () => {
    const texts = ['', ' 1', '1 ', 'nan', '.', '1e', '0x', '1e5000', '1e-5000', '1e99999999999'];
    for (const text of texts) assert.equal(parseLongDouble(text), null, text);
    assert.equal(parseLongDouble('0'.repeat(6000)), null);
  });

  test('integers of 64 bits are exact', () => {
    const int = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n });
    fc.assert(
      fc.property(int, int, (a, b) => assert.equal(add(String(a), String(b)), String(a + b))),
    );
  });
});
