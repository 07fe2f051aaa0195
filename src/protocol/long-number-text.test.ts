/** Numbers of many digits against JavaScript's own reading of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import { parseDouble, parseRangeDouble } from './doubles.js';
import { shortenNumber } from './long-number-text.js';

const LONG = 6000;
const region = new Region(new SharedArrayBuffer(64 * 1024), 0);

function put(text: string): number {
  region.bytes.set(Buffer.from(text, 'latin1'), 0);
  return text.length;
}

const parse = (text: string): number => parseDouble(region, 0, put(text));
const parseRange = (text: string): number => parseRangeDouble(region, 0, put(text));

test('a score may have any number of digits', () => {
  const zeros = '0'.repeat(LONG);
  assert.equal(parse(`${zeros}1`), 1);
  assert.equal(parse(`-1${zeros}e-${LONG}`), -1);
  assert.equal(parse(`+0.${zeros}25E+${zeros}${LONG}`), 0.25);
  assert.equal(parse(zeros), 0);
  assert.ok(Object.is(parse(`-${zeros}`), -0));
  assert.equal(parse(`0x${zeros}1F`), 31);
  assert.equal(parse(`0X${'f'.repeat(LONG)}p-${LONG * 4 - 4}`), 16);
  assert.equal(parse(`1${zeros}1e-${LONG + 1}`), 1);
  assert.equal(parse(`0e${'9'.repeat(LONG)}`), 0);
});

test('what is no number, or none that a double holds, is refused at any length', () => {
  const nines = '9'.repeat(LONG);
  const wrong = [`${nines}x`, `${nines}e`, `${nines}e+`, `${nines}e1.5`, `1.${nines}.1`];
  wrong.push(nines, `1e-${nines}`, `1e${nines}`, `x${nines}`, `-x${nines}`, ` ${nines}e-${LONG}`);
  wrong.push(`0x${nines}g`, `0x${nines}p`, `0x${nines}e-5`, `${'.'.repeat(LONG)}`);
  for (const text of wrong) assert.ok(Number.isNaN(parse(text)), text.slice(0, 20));
});

test('an end of a range may be as long: blanks before it, NUL behind it, infinite or 0', () => {
  const nines = '9'.repeat(LONG);
  const blanks = ' \t'.repeat(LONG);
  assert.equal(parseRange(nines), Infinity);
  assert.equal(parseRange(`-${nines}`), -Infinity);
  assert.equal(parseRange(`1e-${nines}`), 0);
  assert.equal(parseRange(`${blanks}${nines}e-${LONG}\0rest`), 1);
  assert.equal(parseRange(`${blanks}5`), 5);
  assert.equal(parseRange(`${blanks}-inf`), -Infinity);
  assert.ok(Number.isNaN(parseRange(blanks)));
  assert.ok(Number.isNaN(parseRange(`${nines}x`)));
});

test('fewer digits make the same double', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 1200 });
  const exponent = fc.integer({ min: -400, max: 400 });
  fc.assert(
    fc.property(digits, digits, exponent, fc.boolean(), (whole, fraction, e, negative) => {
      fc.pre(whole !== '' || fraction !== '');
      const text = `${negative ? '-' : ''}${whole}.${fraction}e${e - whole.length}`;
      const short = shortenNumber(region.bytes, 0, put(text));
      assert.ok(short.length < 900);
      assert.ok(Object.is(Number(short), Number(text)), text);
    }),
    { numRuns: 500 },
  );
});

test('the middle between two doubles is told from what lies just above it', () => {
  const middle = (2n ** 53n + 1n).toString();
  const zeros = '0'.repeat(LONG);
  assert.equal(parse(`${middle}.${zeros}0`), 2 ** 53);
  assert.equal(parse(`${middle}.${zeros}1`), 2 ** 53 + 2);
  assert.equal(parse(`0x20000000000001.${zeros}0`), 2 ** 53);
  assert.equal(parse(`0x20000000000001.${zeros}1`), 2 ** 53 + 2);
});
