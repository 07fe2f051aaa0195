/**
 * Doubles as bytes, as `formatDouble` writes them, without a string: for those that have more digits than an
 * integer of JavaScript.
 */
import { DIGITS_BELOW, DIGITS_FROM, Digits, seventeenDigits } from './exact-decimal.js';

/** What is written at most: `-0.00012345678901234567`, `-1.7976931348623157e+308`. */
export const DOUBLE_BYTES_MAX = 24;
const DIGITS = 17;
const HIGH_DIGITS = 9;
const ZERO = 0x30;
const POINT = 0x2e;
const MINUS = 0x2d;
const PLUS = 0x2b;
const EXPONENT = 0x65;
const found = new Digits();
const digits = new Uint8Array(DIGITS);

/**
 * Writes a double as printf's "%.17g".
 * @returns the position behind it, or -1: `formatDouble` has to tell
 */
export function writeLongDouble(bytes: Uint8Array, at: number, x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude >= DIGITS_FROM && magnitude < DIGITS_BELOW)) return -1;
  seventeenDigits(magnitude, found);
  spread(found.high, 0, HIGH_DIGITS);
  spread(found.low, HIGH_DIGITS, DIGITS);
  let count = DIGITS;
  while (count > 1 && digits[count - 1] === ZERO) count--;
  const { exponent } = found;
  let to = at;
  if (x < 0) bytes[to++] = MINUS;
  if (exponent >= DIGITS) return writeExponent(bytes, writeParts(bytes, to, 0, count), exponent);
  if (exponent >= 0) return writeParts(bytes, to, exponent, count);
  bytes[to++] = ZERO;
  bytes[to++] = POINT;
  for (let i = -1; i > exponent; i--) bytes[to++] = ZERO;
  for (let i = 0; i < count; i++) bytes[to++] = digits[i]!;
  return to;
}

/** Digits of a number, from the place `from` to before `end`. */
function spread(number: number, from: number, end: number): void {
  let rest = number;
  for (let i = end - 1; i >= from; i--) {
    const quotient = Math.floor(rest / 10);
    digits[i] = ZERO + rest - quotient * 10;
    rest = quotient;
  }
}

/** The digits up to the place `whole`, filled up with zeros, and behind a point those that follow. */
function writeParts(bytes: Uint8Array, at: number, whole: number, count: number): number {
  let to = at;
  for (let i = 0; i <= whole; i++) bytes[to++] = i < count ? digits[i]! : ZERO;
  if (count <= whole + 1) return to;
  bytes[to++] = POINT;
  for (let i = whole + 1; i < count; i++) bytes[to++] = digits[i]!;
  return to;
}

/** Of two digits: it is from 17 to 21. */
function writeExponent(bytes: Uint8Array, at: number, exponent: number): number {
  bytes[at] = EXPONENT;
  bytes[at + 1] = PLUS;
  bytes[at + 2] = ZERO + Math.floor(exponent / 10);
  bytes[at + 3] = ZERO + (exponent % 10);
  return at + 4;
}
