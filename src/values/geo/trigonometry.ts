/**
 * Sine, cosine and arc sine, rounded correctly in all but a few cases in ten thousand.
 *
 * Redis stores distances as scores (GEOSEARCHSTORE STOREDIST) and shows them with 17 digits, so a
 * difference in the last bit is one that clients see. JavaScript's functions are off by one bit in 3
 * to 7 % of all cases, glibc's hardly ever.
 *
 * An angle is the nearest of the multiples of 1/64, whose sine and cosine are in a table with about
 * 100 bits each, and a rest of at most 1/128, for which three terms of the series are enough. The
 * arc sine is one step of Newton's method from JavaScript's own.
 */

const DIVISIONS = 64;
const TABLE_LENGTH = 3 * DIVISIONS + 1;
/** The table's end. Between it and pi, a sine is that of what is left to pi. */
const ANGLE_MAX = (TABLE_LENGTH - 1) / DIVISIONS;
/** A cosine beyond this is so near to 0 that the table has too few bits. */
const COSINE_ANGLE_MAX = 1.5;

/** What Math.PI lacks. */
const PI_REST = 1.2246467991473532e-16;

const HALF_PI = Math.PI / 2;
/** What HALF_PI lacks. */
const HALF_PI_REST = 6.123233995736766e-17;
/** Above this, the arc sine is taken from the other side, where it is not steep. */
const STEEP = 0.9999;

/**
 * For each multiple of 1/64, four doubles: two numbers as sums of two doubles each. For the sine of
 * a sum, sine and cosine; for its cosine, cosine and minus sine.
 */
const ENTRY_LENGTH = 4;
const sineTable = new Float64Array(TABLE_LENGTH * ENTRY_LENGTH);
const cosineTable = new Float64Array(TABLE_LENGTH * ENTRY_LENGTH);

const FRACTION_BITS = 160n;

/** Fills the tables by turning a vector by 1/64 again and again, with 160 bits. */
function fillTables(): void {
  const one = 1n << FRACTION_BITS;
  let stepSine = 0n;
  let stepCosine = 0n;
  let term = one;
  // sin x + cos x = sum of x^n / n!, with signs + + - - ...
  for (let n = 0n; term > 0n; n++) {
    if (n % 2n === 0n) stepCosine += n % 4n === 0n ? term : -term;
    else stepSine += n % 4n === 1n ? term : -term;
    term /= BigInt(DIVISIONS) * (n + 1n);
  }
  let sine = 0n;
  let cosine = one;
  for (let i = 0; i < TABLE_LENGTH; i++) {
    setParts(sineTable, i * ENTRY_LENGTH, sine);
    setParts(sineTable, i * ENTRY_LENGTH + 2, cosine);
    setParts(cosineTable, i * ENTRY_LENGTH, cosine);
    setParts(cosineTable, i * ENTRY_LENGTH + 2, -sine);
    const turned = (sine * stepCosine + cosine * stepSine) >> FRACTION_BITS;
    cosine = (cosine * stepCosine - sine * stepSine) >> FRACTION_BITS;
    sine = turned;
  }
}

function setParts(table: Float64Array, at: number, value: bigint): void {
  const scale = 2 ** Number(FRACTION_BITS);
  const nearest = Number(value);
  table[at] = nearest / scale;
  table[at + 1] = Number(value - BigInt(nearest)) / scale;
}

fillTables();

const SPLITTER = 2 ** 27 + 1;

/** What the product of two doubles lost when it was rounded (Dekker). */
function productRest(a: number, b: number, product: number): number {
  const aScaled = a * SPLITTER;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = b * SPLITTER;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  return aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow;
}

/** What the sum of two doubles lost when it was rounded (Knuth). */
function sumRest(a: number, b: number, sum: number): number {
  const bPart = sum - a;
  return a - (sum - bPart) + (b - bPart);
}

/** A number as the sum of two doubles. */
class Exact {
  high = 0;
  low = 0;
}

const result = new Exact();

/**
 * The sine or cosine of x, to about 65 bits: a cos r + b sin r, for x = i / 64 + r and what the table
 * has for i. From 0 to ANGLE_MAX for the sine, to COSINE_ANGLE_MAX for the cosine.
 */
function lookUp(out: Exact, table: Float64Array, x: number): void {
  const i = Math.round(x * DIVISIONS);
  const r = x - i / DIVISIONS;
  const entry = i * ENTRY_LENGTH;
  const a = table[entry]!;
  const b = table[entry + 2]!;
  const square = r * r;
  // sin r - r, and cos r - 1.
  const sineRest = r * square * (-1 / 6 + square * (1 / 120 - square / 5040));
  const cosineRest = square * (-1 / 2 + square * (1 / 24 + square * (-1 / 720 + square / 40320)));
  const product = b * r;
  const sum = a + product;
  const small = a * cosineRest + b * sineRest + table[entry + 1]! + table[entry + 3]! * r;
  const rest = sumRest(a, product, sum) + (productRest(b, r, product) + small);
  out.high = sum + rest;
  out.low = rest - (out.high - sum);
}

export function sine(x: number): number {
  const magnitude = Math.abs(x);
  // Also what is not a number.
  if (!(magnitude <= Math.PI)) return Math.sin(x);
  let value: number;
  if (magnitude <= ANGLE_MAX) {
    lookUp(result, sineTable, magnitude);
    value = result.high;
  } else {
    // The subtraction is exact. The rest counts as much as the sine is steep: its cosine.
    const left = Math.PI - magnitude;
    lookUp(result, sineTable, left);
    value = result.high + (result.low + PI_REST * (1 - (left * left) / 2));
  }
  return x < 0 ? -value : value;
}

export function cosine(x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude <= COSINE_ANGLE_MAX)) return Math.cos(x);
  lookUp(result, cosineTable, magnitude);
  return result.high;
}

/** The arc sine of x from 0 to 1. */
export function arcSine(x: number): number {
  if (!(x > 0 && x < 1)) return Math.asin(x);
  if (x <= STEEP) return refinedArcSine(x);
  // 1 - x is exact there.
  const rest = 2 * refinedArcSine(Math.sqrt((1 - x) / 2));
  return HALF_PI - (rest - HALF_PI_REST);
}

function refinedArcSine(x: number): number {
  const near = Math.asin(x);
  lookUp(result, sineTable, near);
  return near + (x - result.high - result.low) / Math.sqrt(1 - x * x);
}
