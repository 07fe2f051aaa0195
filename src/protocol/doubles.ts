/**
 * Doubles between text and numbers, as Redis reads and prints scores.
 *
 * Reading accepts what C's strtod does: decimal and hexadecimal fractions, "inf" and "infinity" in
 * any case; not "nan", no blanks, nothing that over- or underflows. Short decimals (nearly all)
 * are computed without allocation: mantissa and power of ten both fit a double exactly, so that
 * one multiplication or division rounds correctly (Clinger's fast path). Up to 19 digits, and exponents, are
 * computed in two doubles (base/exact-decimal.ts). The rest goes through Number(), which rounds
 * correctly too.
 *
 * Printing is printf's "%.17g" (base/double-text.ts).
 */
import { POWERS_OF_TEN, parseDecimal } from '../base/exact-decimal.js';
import type { Region } from '../base/region.js';
import { shortenNumber } from './long-number-text.js';

export { formatDouble } from '../base/double-text.js';

const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const ZERO = 48;
const TAB = 9;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
/** A longer text is brought to fewer digits first: it may have half a gigabyte. */
const TEXT_BYTES_MAX = 5 * 1024;

/** @returns the number, or NaN when the text is none */
export function parseDouble(region: Region, offset: number, length: number): number {
  const bytes = region.bytes;
  const end = offset + length;
  let at = offset;
  if (length === 0) return Number.NaN;
  const sign = bytes[at]!;
  if (sign === MINUS || sign === PLUS) at++;
  const digits = at;
  let mantissa = 0;
  let pointAt = -1;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte >= ZERO && byte <= 57) mantissa = mantissa * 10 + (byte - ZERO);
    else if (byte === POINT && pointAt < 0) pointAt = at;
    else break;
  }
  const count = at - digits - (pointAt < 0 ? 0 : 1);
  const fraction = pointAt < 0 ? 0 : end - pointAt - 1;
  // No digit was lost below 2^53; sums only grow, so none was lost before.
  const isExact = mantissa <= Number.MAX_SAFE_INTEGER && fraction < POWERS_OF_TEN.length;
  if (at < end || count === 0 || !isExact) {
    const value = parseDecimal(bytes, digits, end);
    if (Number.isNaN(value)) return parseSlowly(region, offset, length);
    return sign === MINUS ? -value : value;
  }
  const magnitude = mantissa / POWERS_OF_TEN[fraction]!;
  return sign === MINUS ? -magnitude : magnitude;
}

function parseSlowly(region: Region, offset: number, length: number): number {
  return parseDoubleText(shortText(region, offset, length));
}

/** The bytes as a string; a number of many digits with fewer. */
function shortText(region: Region, offset: number, length: number): string {
  if (length >= TEXT_BYTES_MAX) return shortenNumber(region.bytes, offset, length);
  return Buffer.from(region.bytes.slice(offset, offset + length)).toString('latin1');
}

// There is one way only to match a text: else a long one that does not match takes quadratic time.
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** The same for a string of one byte per char. */
export function parseDoubleText(text: string): number {
  if (DECIMAL.test(text)) return withinRange(Number(text), /[1-9]/.test(text.split(/e/i, 1)[0]!));
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  const hexadecimal = HEXADECIMAL.exec(text);
  if (hexadecimal === null) return Number.NaN;
  const [, sign, whole, fraction = '', exponent] = hexadecimal;
  const digits = `${whole}${fraction}`;
  if (digits === '') return Number.NaN;
  const shift = clampExponent(exponent ?? '0') - 4 * fraction.length;
  const magnitude = scaleByTwo(BigInt(`0x${digits}`), shift);
  return withinRange(sign === '-' ? -magnitude : magnitude, /[1-9a-f]/i.test(digits));
}

const HEXADECIMAL_START =
  /^[ \t\n\v\f\r]*([+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?\d+)?)/i;

/** The number that a text begins with, as atof reads it, whatever follows. NaN: there is none. */
export function parseDoubleStart(text: string): number {
  const hexadecimal = HEXADECIMAL_START.exec(text);
  return hexadecimal === null ? Number.parseFloat(text) : parseDoubleText(hexadecimal[1]!);
}

const SIGN = /^[+-]?/;

/**
 * An end of a range of scores. Redis reads these with strtod alone: blanks may come first, a NUL byte
 * ends the text, an empty text is 0, and what over- or underflows is infinite or 0.
 * @returns NaN when the text is none
 */
export function parseRangeDouble(region: Region, offset: number, length: number): number {
  const value = parseDouble(region, offset, length);
  if (!Number.isNaN(value)) return value;
  const { bytes } = region;
  const nul = bytes.subarray(offset, offset + length).indexOf(0);
  const end = nul < 0 ? offset + length : offset + nul;
  if (end === offset) return 0;
  let at = offset;
  while (at < end && isBlank(bytes[at]!)) at++;
  return parseRangeText(shortText(region, at, end - at));
}

function isBlank(byte: number): boolean {
  return byte === SPACE || (byte >= TAB && byte <= CARRIAGE_RETURN);
}

/** @param text without blanks before it */
function parseRangeText(text: string): number {
  const value = parseDoubleText(text);
  if (!Number.isNaN(value)) return value;
  // What is left is no number, or one whose exponent is too large or too small for a double.
  const isDecimal = DECIMAL.test(text);
  if (!isDecimal && !isHexadecimal(text)) return value;
  const isLarge = isDecimal ? Math.abs(Number(text)) > 1 : !/p-/i.test(text);
  const magnitude = isLarge ? Infinity : 0;
  return SIGN.exec(text)![0] === '-' ? -magnitude : magnitude;
}

function isHexadecimal(text: string): boolean {
  const match = HEXADECIMAL.exec(text);
  return match !== null && `${match[2]}${match[3] ?? ''}` !== '';
}

/** Over- and underflow are errors; so is rounding something that isn't zero to zero. */
function withinRange(x: number, nonZero: boolean): number {
  return Math.abs(x) === Infinity || (x === 0 && nonZero) ? Number.NaN : x;
}

function clampExponent(text: string): number {
  return Math.max(-100_000, Math.min(100_000, Number(text)));
}

/** mantissa * 2^shift, rounded once to the nearest double, ties to even. */
function scaleByTwo(mantissa: bigint, shift: number): number {
  if (mantissa === 0n) return 0;
  const bits = mantissa.toString(2).length;
  // The last bit a double of this size can hold: 53 bits, fewer when it is subnormal.
  const lastBit = Math.max(bits + shift - 53, -1074);
  const dropped = lastBit - shift;
  let rounded = mantissa;
  if (dropped > 0) {
    rounded = mantissa >> BigInt(dropped);
    const rest = mantissa - (rounded << BigInt(dropped));
    const half = 1n << BigInt(dropped - 1);
    if (rest > half || (rest === half && (rounded & 1n) === 1n)) rounded += 1n;
  }
  const exponent = dropped > 0 ? lastBit : shift;
  // Two steps, as a single power of two would over- or underflow before the product does.
  const step = Math.trunc(exponent / 2);
  return Number(rounded) * 2 ** step * 2 ** (exponent - step);
}

/** Whether `formatInteger` prints this double as "%.17g" would. */
export function doubleIsShort(x: number): boolean {
  return Number.isSafeInteger(x) && (x !== 0 || !Object.is(x, -0));
}
