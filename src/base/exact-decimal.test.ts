/** Doubles of 17 digits, and decimal numbers of up to 19: beside what is computed with all digits. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  DIGITS_BELOW,
  DIGITS_FROM,
  Digits,
  parseDecimal,
  seventeenDigits,
} from './exact-decimal.js';

const RUNS = { numRuns: 20_000 };
const found = new Digits();

/** All digits of a double, of which the first 17 are rounded to even. */
function rounded(x: number): string {
  const [mantissa, exponent] = x.toExponential(100).split('e') as [string, string];
  const digits = mantissa.replace('.', '');
  const rest = digits.slice(17);
  let kept = BigInt(digits.slice(0, 17));
  const isOver = rest > `5${'0'.repeat(rest.length - 1)}`;
  const isHalf = /^50*$/.test(rest);
  if (isOver || (isHalf && kept % 2n === 1n)) kept++;
  const overflows = kept === 10n ** 17n;
  return `${overflows ? kept / 10n : kept}e${Number(exponent) + (overflows ? 1 : 0)}`;
}

function digitsOf(x: number): string {
  seventeenDigits(x, found);
  return `${found.high}${String(found.low).padStart(8, '0')}e${found.exponent}`;
}

function parsed(text: string): number {
  return parseDecimal(Buffer.from(text), 0, text.length);
}

/** The nearest double, or that it has to be found elsewhere. */
function assertNearest(text: string): boolean {
  const value = parsed(text);
  if (Number.isNaN(value)) return false;
  assert.ok(Object.is(value, Number(text)), `${text}: ${value}`);
  return true;
}

describe('seventeen digits', () => {
  it('are those of the double, rounded to even', () => {
    const exponents = fc.double({ min: -4, max: 22, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(exponents, (exponent) => {
        const x = 10 ** exponent;
        if (x >= DIGITS_FROM && x < DIGITS_BELOW) assert.equal(digitsOf(x), rounded(x));
      }),
      RUNS,
    );
  });

  it('are so beside powers of ten, and where they lie in the middle', () => {
    for (let exponent = -4; exponent < 22; exponent++) {
      for (const by of [1 - 2 ** -53, 1, 1 + 2 ** -52]) {
        const x = Number(`1e${exponent}`) * by;
        if (x >= DIGITS_FROM && x < DIGITS_BELOW) assert.equal(digitsOf(x), rounded(x));
      }
    }
    // 18 digits, of which the last one is a five.
    for (let x = 2 ** 57; x < 2 ** 57 + 32_000; x += 32) assert.equal(digitsOf(x), rounded(x));
    for (let i = 1; i < 1000; i++) {
      const x = i + 2 ** -14 * 3;
      assert.equal(digitsOf(x), rounded(x));
    }
  });
});

describe('decimal numbers', () => {
  it('of up to 19 digits, with a point and an exponent, are the nearest double', () => {
    let found = 0;
    const digits = fc.bigInt({ min: 0n, max: 10n ** 19n - 1n });
    fc.assert(
      fc.property(digits, fc.nat(19), fc.integer({ min: -9, max: 9 }), (number, point, power) => {
        const text = number.toString();
        const at = Math.min(point, text.length);
        for (const one of [
          text,
          `${text.slice(0, at)}.${text.slice(at)}`,
          `${text}e${power}`,
          `${text.slice(0, at)}.${text.slice(at)}E${power < 0 ? '' : '+'}${power}`,
        ]) {
          if (one.startsWith('.e') || one.startsWith('.E')) continue;
          if (assertNearest(one)) found++;
        }
      }),
      RUNS,
    );
    // Hardly any is left to others.
    assert.ok(found > 3.8 * RUNS.numRuns, `${found}`);
  });

  it('that lie in the middle of two doubles are even, or are left to others', () => {
    for (let i = 0n; i < 2000n; i++) {
      const middle = 2n ** 53n + 2n * i + 1n;
      assert.ok(assertNearest(`${middle}`));
      assertNearest(`${middle}.0`);
      assertNearest(`${middle}e1`);
      assertNearest(`${middle * 5n}e-1`);
      assertNearest(`${middle * 125n}e-3`);
    }
  });

  it('are nothing else', () => {
    for (const text of [
      '',
      '.',
      'e1',
      '.e1',
      '1e',
      '1e+',
      '1e-',
      '1 ',
      ' 1',
      '1x',
      '1..2',
      '0x10',
      'inf',
      '1e1.',
      '1e1e1',
    ]) {
      assert.ok(Number.isNaN(parsed(text)), text);
    }
    // They may be numbers, which this does not read.
    for (const text of ['1e100', '1e23', '0.00000000000000000000001', '12345678901234567890']) {
      assert.ok(Number.isNaN(parsed(text)), text);
    }
    assert.ok(Object.is(parsed('0'), 0));
    assert.equal(parsed('1.'), 1);
    assert.equal(parsed('.5'), 0.5);
    assert.equal(parsed('0000000000000000000001'), 1);
  });
});
