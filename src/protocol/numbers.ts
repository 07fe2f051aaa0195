/**
 * Integers between text and numbers, without allocation: parsing them from the bytes of an
 * argument and formatting them into a region.
 *
 * Redis's integers have 64 bits and JS numbers hold 53, so parsing has three outcomes: an integer
 * that a number holds exactly (nearly always), a larger one, as a bigint, or no integer. The value
 * is left in a record that the caller owns.
 *
 * Only the canonical form is an integer: "-0", "+1", "01", " 1" and "" are not.
 */
import type { Region } from '../base/region.js';

export const NOT_AN_INTEGER = 0;
/** The integer is in `value` of the record. */
export const INTEGER_OK = 1;
/** It needs more than 53 bits and is in `big` of the record (`value` is the nearest number). */
export const INTEGER_BIG = 2;

export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;

/** What `parseInteger` has read, valid as its result says. Reused by its owner. */
export class ParsedInteger {
  // Starts as a fraction, so that the engine stores the field as a double from the beginning.
  value = 0.5;
  big = 0n;
}

const parsedIndex = new ParsedInteger();

const ZERO = 48;
const MINUS = 45;
const BILLION = 1_000_000_000;
const TWO_53 = 2 ** 53;

/** @returns NOT_AN_INTEGER, INTEGER_OK or INTEGER_BIG; unless the first, the integer is in `into` */
export function parseInteger(
  region: Region,
  offset: number,
  length: number,
  into: ParsedInteger,
): number {
  const bytes = region.bytes;
  if (length < 1 || length > 20) return NOT_AN_INTEGER;
  let at = offset;
  const end = offset + length;
  const negative = bytes[at] === MINUS;
  if (negative) at++;
  const digits = end - at;
  if (digits < 1 || digits > 19) return NOT_AN_INTEGER;
  if (bytes[at] === ZERO) {
    into.value = 0;
    return length === 1 ? INTEGER_OK : NOT_AN_INTEGER;
  }
  // All but the last nine digits, then those: each part stays a small number.
  const split = end - 9;
  let high = 0;
  while (at < split) {
    const digit = bytes[at++]! - ZERO;
    if (digit < 0 || digit > 9) return NOT_AN_INTEGER;
    high = high * 10 + digit;
  }
  let low = 0;
  while (at < end) {
    const digit = bytes[at++]! - ZERO;
    if (digit < 0 || digit > 9) return NOT_AN_INTEGER;
    low = low * 10 + digit;
  }
  const value = high * BILLION + low;
  into.value = negative ? -value : value;
  return value < TWO_53 ? INTEGER_OK : finishBig(high, low, negative, into);
}

function finishBig(high: number, low: number, negative: boolean, into: ParsedInteger): number {
  const magnitude = BigInt(high) * BigInt(BILLION) + BigInt(low);
  const big = negative ? -magnitude : magnitude;
  if (big < INT64_MIN || big > INT64_MAX) return NOT_AN_INTEGER;
  into.big = big;
  return INTEGER_BIG;
}

/**
 * An index, count or time: an integer where anything beyond 2^53 means "further than there is".
 *
 * @returns the integer, clamped to the safe ones, or NaN when it is no integer
 */
export function parseIndex(region: Region, offset: number, length: number): number {
  const kind = parseInteger(region, offset, length, parsedIndex);
  if (kind === INTEGER_OK) return parsedIndex.value;
  if (kind === NOT_AN_INTEGER) return Number.NaN;
  return parsedIndex.value < 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
}

/** How many bytes `formatInteger` writes at most. */
export const INTEGER_BYTES_MAX = 17;

/** Digits of an integer in 0..2^31-1. */
export function digitCount(n: number): number {
  if (n < 10) return 1;
  if (n < 100) return 2;
  if (n < 1000) return 3;
  if (n < 10_000) return 4;
  if (n < 100_000) return 5;
  if (n < 1_000_000) return 6;
  if (n < 10_000_000) return 7;
  if (n < 100_000_000) return 8;
  return n < BILLION ? 9 : 10;
}

/** How many bytes `formatInteger` writes for this safe integer. */
export function integerLength(n: number): number {
  const sign = n < 0 ? 1 : 0;
  const magnitude = n < 0 ? -n : n;
  if (magnitude < 0x7fff_ffff) return sign + digitCount(magnitude);
  return sign + digitCount(Math.floor(magnitude / BILLION)) + 9;
}

/** Writes the digits of an integer in 0..2^31-1, of which there are `digits`. */
function writeDigits(bytes: Uint8Array, position: number, n: number, digits: number): void {
  let rest = n | 0;
  for (let at = position + digits - 1; at >= position; at--) {
    const quotient = (rest / 10) | 0;
    bytes[at] = ZERO + rest - quotient * 10;
    rest = quotient;
  }
}

/** Writes a safe integer as decimal text; returns the position after it. */
export function formatInteger(region: Region, position: number, n: number): number {
  const bytes = region.bytes;
  let at = position;
  let magnitude = n;
  if (n < 0) {
    bytes[at++] = MINUS;
    magnitude = -n;
  }
  if (magnitude < 0x7fff_ffff) {
    const digits = digitCount(magnitude);
    writeDigits(bytes, at, magnitude, digits);
    return at + digits;
  }
  const high = Math.floor(magnitude / BILLION);
  const digits = digitCount(high);
  writeDigits(bytes, at, high, digits);
  writeDigits(bytes, at + digits, magnitude - high * BILLION, 9);
  return at + digits + 9;
}
