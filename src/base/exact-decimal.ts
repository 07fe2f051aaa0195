/**
 * Decimal numbers and doubles, exactly: a product or quotient with a power of ten is computed as the
 * sum of two doubles (Dekker's product), which is more than the rounding needs. Scores that are times in
 * nanoseconds, or in seconds with a fraction, have 16 to 19 digits: JavaScript's own conversions of
 * these make strings and take a microsecond.
 */

/** Powers of ten that are doubles. */
export const POWERS_OF_TEN = new Float64Array(23);
for (let i = 0; i < POWERS_OF_TEN.length; i++) POWERS_OF_TEN[i] = Number(`1e${i}`);

/** Splits a double of 53 bits into two of 26. */
const SPLITTER = 2 ** 27 + 1;
const LOW_BITS = 2 ** 17;
/** What the second part of a quotient may be wrong by, and far more. */
const DOUBT = 2 ** -40;

const ZERO = 0x30;
const POINT = 0x2e;
const MINUS = 0x2d;
const PLUS = 0x2b;
const EXPONENT = 0x65;
const EXPONENT_DIGITS_MAX = 2;
/** As `nearestDouble` takes them. */
const HIGH_DIGITS = 10;
const DIGITS_MAX = 19;

/**
 * Digits with a point and an exponent, without a sign.
 * @returns NaN when it is something else, or too long to be read here
 */
export function parseDecimal(bytes: Uint8Array, from: number, end: number): number {
  let high = 0;
  let low = 0;
  let count = 0;
  let exponent = 0;
  let hasPoint = false;
  let at = from;
  for (; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit === POINT - ZERO && !hasPoint) {
      hasPoint = true;
      continue;
    }
    if (digit < 0 || digit > 9) break;
    if (hasPoint) exponent--;
    if (count === 0 && digit === 0) continue;
    if (count < HIGH_DIGITS) high = high * 10 + digit;
    else low = low * 10 + digit;
    count++;
  }
  if (at - from === (hasPoint ? 1 : 0)) return Number.NaN;
  if (at < end) exponent += parseExponent(bytes, at, end);
  if (count > DIGITS_MAX || !(Math.abs(exponent) < POWERS_OF_TEN.length)) return Number.NaN;
  return nearestDouble(high, low, Math.max(0, count - HIGH_DIGITS), exponent);
}

/** `e`, a sign and a digit or two. @returns NaN when it is something else */
function parseExponent(bytes: Uint8Array, from: number, end: number): number {
  if ((bytes[from]! | 0x20) !== EXPONENT) return Number.NaN;
  const sign = bytes[from + 1]!;
  let at = sign === MINUS || sign === PLUS ? from + 2 : from + 1;
  if (at >= end || end - at > EXPONENT_DIGITS_MAX) return Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return sign === MINUS ? -value : value;
}

/** What `product`, which is a * b rounded, lacks. */
function productError(a: number, b: number, product: number): number {
  const bigA = a * SPLITTER;
  const highA = bigA - (bigA - a);
  const lowA = a - highA;
  const bigB = b * SPLITTER;
  const highB = bigB - (bigB - b);
  const lowB = b - highB;
  return lowA * lowB - (product - highA * highB - lowA * highB - highA * lowB);
}

/**
 * The double nearest to (high * 10^lowDigits + low) * 10^exponent, for up to 10 digits in `high` and 9 in
 * `low`. NaN: this cannot tell.
 */
function nearestDouble(high: number, low: number, lowDigits: number, exponent: number): number {
  // The parts of `high` have 17 bits, so that their products are exact.
  const scale = POWERS_OF_TEN[lowDigits]!;
  const top = Math.floor(high / LOW_BITS) * LOW_BITS;
  const upper = top * scale;
  const lower = (high - top) * scale + low;
  const sum = upper + lower;
  const rest = lower - (sum - upper);
  if (exponent === 0 || sum === 0) return sum;
  if (exponent > 0) {
    const power = POWERS_OF_TEN[exponent]!;
    const product = sum * power;
    return roundSum(product, productError(sum, power, product) + rest * power);
  }
  const power = POWERS_OF_TEN[-exponent]!;
  const quotient = sum / power;
  const product = quotient * power;
  const remainder = sum - product - productError(quotient, power, product) + rest;
  return roundSum(quotient, remainder / power);
}

/** The sum, where the doubt about `rest` does not matter; else NaN. */
function roundSum(near: number, rest: number): number {
  const doubt = rest * DOUBT;
  const least = near + (rest - doubt);
  return least === near + (rest + doubt) ? least : Number.NaN;
}

/** From here to below 10^22 `seventeenDigits` tells the digits. */
export const DIGITS_FROM = 1e-4;
export const DIGITS_BELOW = 1e22;
const LOW_DIGITS_POWER = 1e8;
const HIGH_DIGITS_POWER = 1e9;

/** The least number of 17 digits. */
const LEAST = 1e16;
const LEAST_EXPONENT = 16;

/** 17 significant digits of a number: 9 of them, then 8, and the exponent of the first one. */
export class Digits {
  high = 0;
  low = 0;
  exponent = 0;
  /** The number times a power of ten, so that it has 17 digits, is the sum of these two. */
  scaled = Number.NaN;
  rest = Number.NaN;
}

/** Finds the digits of x, from DIGITS_FROM to below DIGITS_BELOW, rounded to even as in C. */
export function seventeenDigits(x: number, into: Digits): void {
  let exponent = exponentOf(x);
  scale(x, exponent, into);
  // The estimate is one too high where a product was rounded up to a power of ten.
  if (into.scaled < LEAST || (into.scaled === LEAST && into.rest < 0)) scale(x, --exponent, into);
  // It is an even integer, and the rest a few units.
  const { scaled, rest } = into;
  let high = Math.floor(scaled / LOW_DIGITS_POWER);
  let low = scaled - high * LOW_DIGITS_POWER + roundToEven(rest);
  if (low < 0) {
    low += LOW_DIGITS_POWER;
    high--;
  } else if (low >= LOW_DIGITS_POWER) {
    low -= LOW_DIGITS_POWER;
    high++;
  }
  if (high === HIGH_DIGITS_POWER) {
    high = HIGH_DIGITS_POWER / 10;
    exponent++;
  }
  into.high = high;
  into.low = low;
  into.exponent = exponent;
}

function scale(x: number, exponent: number, into: Digits): void {
  if (exponent <= LEAST_EXPONENT) {
    const power = POWERS_OF_TEN[LEAST_EXPONENT - exponent]!;
    into.scaled = x * power;
    into.rest = productError(x, power, into.scaled);
    return;
  }
  const power = POWERS_OF_TEN[exponent - LEAST_EXPONENT]!;
  into.scaled = x / power;
  const product = into.scaled * power;
  into.rest = (x - product - productError(into.scaled, power, product)) / power;
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const over = x - floor;
  if (over === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return over > 0.5 ? floor + 1 : floor;
}

/** Of the first digit of x. */
function exponentOf(x: number): number {
  if (x < 1) {
    let exponent = -1;
    while (x * POWERS_OF_TEN[-exponent]! < 1) exponent--;
    return exponent;
  }
  let exponent = x < 1e9 ? 0 : 9;
  while (x >= POWERS_OF_TEN[exponent + 1]!) exponent++;
  return exponent;
}
