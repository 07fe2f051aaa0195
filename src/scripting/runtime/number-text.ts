/**
 * Numbers from and to text as C does it: `strtod` and printf's `%.14g`.
 *
 * JavaScript rounds a tie up where C rounds it to even, in toFixed, toPrecision and toExponential.
 * A tie is rare and exact: the digits after the last one are a five and zeros to the end.
 */

import { parseDecimal } from '../../base/exact-decimal.js';
import { meter } from './meter.js';

/** Blanks of C's isspace. */
const BLANKS = ' \t\n\v\f\r';
/** There is one way only to match a text: else a long one that does not match would take quadratic time. */
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?$/;
const NAMED = /^([+-]?)(?:(inf(?:inity)?)|nan(?:\([0-9a-zA-Z_]*\))?)$/i;
const EXPONENT_MAX = 20_000;
/** Longer texts take time. */
const SHORT_CHARACTERS = 256;
/** Of so many hexadecimal digits the last ones only tell whether there is something. */
const DIGITS_MAX = 4096;

function hexadecimal(match: RegExpExecArray): number | undefined {
  const all = `${match[2]}${match[3] ?? ''}`;
  if (all === '') return undefined;
  const { digits, dropped } = fewerDigits(all);
  const written = Number(match[4] ?? 0) + 4 * (dropped - (match[3] ?? '').length);
  const exponent = Math.max(-EXPONENT_MAX, Math.min(EXPONENT_MAX, written));
  const magnitude = scaleByTwo(BigInt(`0x${digits}`), exponent);
  return match[1] === '-' ? -magnitude : magnitude;
}

/** The first digits, and one for all others: more than 2^28 make no BigInt. */
function fewerDigits(all: string): { digits: string; dropped: number } {
  if (all.length <= DIGITS_MAX) return { digits: all, dropped: 0 };
  let start = 0;
  while (start < all.length && all[start] === '0') start++;
  const end = Math.min(all.length, start + DIGITS_MAX);
  const isMore = /[^0]/.test(all.slice(end));
  return {
    digits: `0${all.slice(start, end)}${isMore ? '1' : '0'}`,
    dropped: all.length - end - 1,
  };
}

/** mantissa * 2^shift, rounded once. */
function scaleByTwo(mantissa: bigint, shift: number): number {
  if (mantissa === 0n) return 0;
  if (shift >= 0)
    return shift > 2000 ? Number.POSITIVE_INFINITY : Number(mantissa << BigInt(shift));
  const bits = mantissa.toString(2).length;
  // What a double can hold at this size; the rest decides the rounding and is kept as one bit.
  const keep = Math.min(54, bits + shift + 1075);
  if (keep < 0) return 0;
  const drop = Math.max(0, bits - keep - 1);
  const cut = BigInt(drop);
  const rest = mantissa & ((1n << cut) - 1n);
  let kept = mantissa >> cut;
  if (rest !== 0n) kept |= 1n;
  return roundedQuotient(kept, -(shift + drop));
}

/** kept / 2^down to the nearest double; kept has 55 bits at most. */
function roundedQuotient(kept: bigint, down: number): number {
  if (down <= 0) return Number(kept << BigInt(-down));
  if (down <= 1000) return Number(kept) / 2 ** down;
  // Subnormal results: the last step must round once.
  const lost = BigInt(Math.max(0, down - 1074));
  let whole = kept >> lost;
  const rest = kept & ((1n << lost) - 1n);
  const half = lost === 0n ? 0n : 1n << (lost - 1n);
  if (lost > 0n && (rest > half || (rest === half && (whole & 1n) === 1n))) whole += 1n;
  const up = Math.min(down, 1074);
  return Number(whole) / 2 ** 1000 / 2 ** (up - 1000);
}

/** Without the blanks at both ends. */
export function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && BLANKS.includes(text[start]!)) start++;
  while (end > start && BLANKS.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}

/** Digits of an integer that is exact, however it is summed up. */
const SUMMED_DIGITS_MAX = 15;
const NOT_DIGITS = -1;

/** The value of a text that is a few digits and nothing else, or NOT_DIGITS. */
function sumOfDigits(text: string): number {
  if (text.length === 0 || text.length > SUMMED_DIGITS_MAX) return NOT_DIGITS;
  let sum = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return NOT_DIGITS;
    sum = sum * 10 + digit;
  }
  return sum;
}

const QUICK_BYTES_MAX = 32;
const quickText = new Uint8Array(QUICK_BYTES_MAX);
const MINUS = 0x2d;

/** The value of a decimal number as most are written; NaN: `parseNumber` has to tell. */
export function parseQuickly(bytes: Uint8Array, from: number, end: number): number {
  if (end - from > QUICK_BYTES_MAX) return Number.NaN;
  const isNegative = bytes[from] === MINUS;
  const value = parseDecimal(bytes, isNegative ? from + 1 : from, end);
  return isNegative ? -value : value;
}

function parseTextQuickly(text: string): number {
  const { length } = text;
  if (length > QUICK_BYTES_MAX) return Number.NaN;
  for (let i = 0; i < length; i++) quickText[i] = text.charCodeAt(i);
  return parseQuickly(quickText, 0, length);
}

/** The number that a string means to Lua, or undefined. A NUL ends it, as in C. */
export function parseNumber(text: string): number | undefined {
  const sum = sumOfDigits(text);
  if (sum !== NOT_DIGITS) return sum;
  const quick = parseTextQuickly(text);
  if (!Number.isNaN(quick)) return quick;
  const nul = text.indexOf('\0');
  const body = trim(nul < 0 ? text : text.slice(0, nul));
  if (body.length > SHORT_CHARACTERS) meter.workOnBytes(8 * body.length);
  if (DECIMAL.test(body)) return Number(body);
  const hex = HEXADECIMAL.exec(body);
  if (hex !== null) return hexadecimal(hex);
  const named = NAMED.exec(body);
  if (named === null) return undefined;
  if (named[2] === undefined) return Number.NaN;
  return named[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** Decimal digits and exponent of |x|: x = 0.d1d2d3... * 10^(point), rounded half to even. */
interface Digits {
  readonly digits: string;
  readonly point: number;
}

/** `count` significant digits (at least 1) of a finite x > 0. */
export function significantDigits(x: number, count: number): Digits {
  // A double has at most 767 significant digits, JavaScript gives 100: zeros come after that.
  if (count > 100) {
    const exact = exactDigits(x);
    return roundDigits(exact, count);
  }
  const text = x.toExponential(count - 1);
  const e = text.indexOf('e');
  const digits = text.slice(0, e).replace('.', '');
  const point = Number(text.slice(e + 1)) + 1;
  const last = digits.charCodeAt(digits.length - 1) - 48;
  // Only a number that was rounded up to an odd digit can be a tie that should go down.
  if ((last & 1) === 1 && count < 18 && isTie(x, count)) {
    return roundDigits(exactDigits(x), count);
  }
  if (count >= 18) return roundDigits(exactDigits(x), count);
  return { digits, point };
}

function isTie(x: number, count: number): boolean {
  const more = x.toExponential(Math.min(100, count + 4));
  const digits = more.slice(0, more.indexOf('e')).replace('.', '');
  return digits.startsWith('50000', count) || digits.slice(count) === '5';
}

/** All digits of a finite x > 0: a double is an integer times a power of two. */
export function exactDigits(x: number): Digits {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & ((1n << 52n) - 1n);
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n);
  const shift = (biased === 0 ? 1 : biased) - 1075;
  if (shift >= 0) {
    const digits = (mantissa << BigInt(shift)).toString();
    return { digits, point: digits.length };
  }
  // m / 2^k = m * 5^k / 10^k
  const digits = (mantissa * 5n ** BigInt(-shift)).toString();
  return { digits, point: digits.length + shift };
}

/** Cuts to `count` digits, half to even; pads with zeros. A count of 0 or less may leave none. */
export function roundDigits({ digits, point }: Digits, count: number): Digits {
  if (count >= digits.length) return { digits: digits.padEnd(count, '0'), point };
  if (count < 0) return { digits: '', point };
  const next = digits.charCodeAt(count) - 48;
  const kept = digits.slice(0, count);
  const lastIsOdd = count > 0 && (digits.charCodeAt(count - 1) & 1) === 1;
  const exactHalf = next === 5 && /^0*$/.test(digits.slice(count + 1));
  const up = next > 5 || (next === 5 && (!exactHalf || lastIsOdd));
  if (!up) return { digits: kept, point };
  const raised = (BigInt(`0${kept}`) + 1n).toString().padStart(count, '0');
  if (raised.length > count)
    return { digits: raised.slice(0, Math.max(1, count)), point: point + 1 };
  return { digits: raised, point };
}

/** printf's %g without flags. */
export function formatGeneral(x: number, precision: number): string {
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  if (!Number.isFinite(x)) return nonFiniteText(x);
  const sign = x < 0 ? '-' : '';
  const { digits, point } = significantDigits(Math.abs(x), precision === 0 ? 1 : precision);
  const count = precision === 0 ? 1 : precision;
  const exponent = point - 1;
  const short = digits.replace(/0+$/, '');
  if (exponent < -4 || exponent >= count) {
    return `${sign}${short[0]}${short.length > 1 ? `.${short.slice(1)}` : ''}${exponentText(exponent)}`;
  }
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${short}`;
  if (short.length <= point) return `${sign}${short.padEnd(point, '0')}`;
  return `${sign}${short.slice(0, point)}.${short.slice(point)}`;
}

export function exponentText(exponent: number): string {
  const digits = String(Math.abs(exponent)).padStart(2, '0');
  return `e${exponent < 0 ? '-' : '+'}${digits}`;
}

/** x86 makes NaNs with the sign bit set, and so prints them. JavaScript hides the sign. */
export function nonFiniteText(x: number): string {
  if (Number.isNaN(x)) return '-nan';
  return x > 0 ? 'inf' : '-inf';
}

/** `tostring` of a number. */
export function numberToText(x: number): string {
  if ((x | 0) === x) return x === 0 && 1 / x < 0 ? '-0' : `${x}`;
  if (Number.isInteger(x) && x < 1e14 && x > -1e14) return `${x}`;
  return formatGeneral(x, 14);
}
