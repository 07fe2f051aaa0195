/**
 * The 80-bit floating point numbers of x87, in which Redis computes INCRBYFLOAT and HINCRBYFLOAT:
 * 64 bits of mantissa, 15 of exponent. JS has no such type, and computing with doubles would show
 * (0.1 + 0.2 is 0.3 in Redis), so that here a number is an exact mantissa × 2^exponent and every
 * result is rounded to 64 bits, ties to even, as the hardware does.
 *
 * BigInt costs a few microseconds a command, which these two commands can afford.
 */

const MANTISSA_BITS = 64;
/** The last bit of the smallest number, and the first bit that is too large. */
const LAST_BIT_MIN = -16445;
const BITS_END = 16384;
/** Decimal exponents beyond these over- or underflow, whatever the digits. */
const DECIMAL_EXPONENT_MAX = 4940;
const DECIMAL_EXPONENT_MIN = -4970;
const TEXT_BYTES_MAX = 5 * 1024;
/** Digits after the point that Redis prints. */
const FRACTION_DIGITS = 17;

export interface LongDouble {
  /** 0n for zero; otherwise at most 64 bits and a sign. */
  readonly mantissa: bigint;
  readonly exponent: number;
  /** -1 or 1 for an infinite number, which has no mantissa; 2 for none (inf - inf). */
  readonly infinite: -1 | 0 | 1 | 2;
}

const ZERO: LongDouble = { mantissa: 0n, exponent: 0, infinite: 0 };
const INFINITY: LongDouble = { mantissa: 0n, exponent: 0, infinite: 1 };
const MINUS_INFINITY: LongDouble = { mantissa: 0n, exponent: 0, infinite: -1 };
const NOT_A_NUMBER: LongDouble = { mantissa: 0n, exponent: 0, infinite: 2 };

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

export function isFiniteLongDouble(x: LongDouble): boolean {
  return x.infinite === 0;
}

/**
 * Reads what strtold reads, as Redis uses it: no blanks, no "nan", no over- or underflow.
 *
 * @param text one byte per char
 * @returns null when it is no number
 */
export function parseLongDouble(text: string): LongDouble | null {
  if (text.length >= TEXT_BYTES_MAX) return null;
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? MINUS_INFINITY : INFINITY;
  const decimal = DECIMAL.exec(text);
  const match = decimal ?? HEXADECIMAL.exec(text);
  if (match === null) return null;
  const fraction = match[3] ?? '';
  const digits = `${match[2]}${fraction}`;
  if (digits === '') return null;
  const negative = match[1] === '-';
  const exponent = clamp(Number(match[4] ?? '0'));
  const magnitude =
    decimal !== null
      ? fromDecimal(digits, exponent - fraction.length)
      : round(BigInt(`0x${digits}`), exponent - 4 * fraction.length);
  if (magnitude === null || !isFiniteLongDouble(magnitude)) return null;
  if (magnitude.mantissa === 0n && /[1-9a-f]/i.test(digits)) return null;
  return negative ? negate(magnitude) : magnitude;
}

function clamp(exponent: number): number {
  return Math.max(-100_000, Math.min(100_000, exponent));
}

function negate(x: LongDouble): LongDouble {
  return { mantissa: -x.mantissa, exponent: x.exponent, infinite: 0 };
}

/** digits × 10^exponent, or null where it over- or underflows by far. */
function fromDecimal(digits: string, exponent: number): LongDouble | null {
  const significant = digits.replace(/^0+/, '');
  if (significant === '') return ZERO;
  const magnitude = significant.length + exponent;
  if (magnitude > DECIMAL_EXPONENT_MAX || magnitude < DECIMAL_EXPONENT_MIN) return null;
  const numerator = BigInt(significant);
  if (exponent >= 0) return round(numerator * 10n ** BigInt(exponent), 0);
  // A quotient with a few bits more than are kept; what is left over only matters as "not zero".
  const denominator = 10n ** BigInt(-exponent);
  const shift = Math.max(0, MANTISSA_BITS + 3 - (bitLength(numerator) - bitLength(denominator)));
  const shifted = numerator << BigInt(shift);
  const quotient = shifted / denominator;
  const sticky = quotient * denominator === shifted ? 0n : 1n;
  return round((quotient << 1n) | sticky, -shift - 1);
}

function bitLength(x: bigint): number {
  const hex = x.toString(16);
  return hex.length * 4 - Math.clz32(Number.parseInt(hex[0]!, 16)) + 28;
}

/** Drops the last `bits` bits of a magnitude, rounding to nearest, ties to even. */
function dropBits(magnitude: bigint, bits: number): bigint {
  const shift = BigInt(bits);
  const kept = magnitude >> shift;
  const rest = magnitude - (kept << shift);
  const half = 1n << (shift - 1n);
  return rest > half || (rest === half && (kept & 1n) === 1n) ? kept + 1n : kept;
}

/** value × 2^exponent as a long double. */
function round(value: bigint, exponent: number): LongDouble {
  if (value === 0n) return ZERO;
  const negative = value < 0n;
  let magnitude = negative ? -value : value;
  const bits = bitLength(magnitude);
  const lastBit = Math.max(exponent + bits - MANTISSA_BITS, LAST_BIT_MIN);
  let power = exponent;
  if (lastBit > exponent) {
    magnitude = dropBits(magnitude, lastBit - exponent);
    power = lastBit;
  }
  if (magnitude === 0n) return ZERO;
  if (bitLength(magnitude) + power > BITS_END) return negative ? MINUS_INFINITY : INFINITY;
  return { mantissa: negative ? -magnitude : magnitude, exponent: power, infinite: 0 };
}

export function addLongDouble(a: LongDouble, b: LongDouble): LongDouble {
  if (a.infinite !== 0 || b.infinite !== 0) {
    if (a.infinite === 0) return b;
    return b.infinite === 0 || b.infinite === a.infinite ? a : NOT_A_NUMBER;
  }
  const exponent = Math.min(a.exponent, b.exponent);
  const left = a.mantissa << BigInt(a.exponent - exponent);
  const right = b.mantissa << BigInt(b.exponent - exponent);
  return round(left + right, exponent);
}

/** A finite number as "%.17Lf" without trailing zeros. */
export function formatLongDouble(x: LongDouble): string {
  const negative = x.mantissa < 0n;
  const scaled = (negative ? -x.mantissa : x.mantissa) * 10n ** BigInt(FRACTION_DIGITS);
  const fixed = x.exponent >= 0 ? scaled << BigInt(x.exponent) : dropBits(scaled, -x.exponent);
  if (fixed === 0n) return '0';
  const digits = fixed.toString().padStart(FRACTION_DIGITS + 1, '0');
  const point = digits.length - FRACTION_DIGITS;
  const fraction = digits.slice(point).replace(/0+$/, '');
  const text = fraction === '' ? digits.slice(0, point) : `${digits.slice(0, point)}.${fraction}`;
  return negative ? `-${text}` : text;
}
