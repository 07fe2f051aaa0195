/**
 * Numbers of thousands of digits, as C's strtod reads them, in a text that is short enough for a
 * string: the same value, rounded to a double, by far fewer digits.
 *
 *     00...0123.4567...8900...0e-00...05   ──▶   1234567...81e-N
 *           └── digits kept ─┘                            │ there was more than zeros behind them
 *
 * Whether a number is above or below the middle between two doubles is known after 768 decimal digits
 * (17 hexadecimal ones), but for whether anything but zeros follows: a last digit 1 says so.
 */
const PLUS = 43;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
/** Lower case, which `| LOWER` makes of both. */
const LOWER = 0x20;
const A = 97;
const E = 101;
const F = 102;
const P = 112;
const X = 120;

const DECIMAL_DIGITS_KEPT = 800;
const HEXADECIMAL_DIGITS_KEPT = 40;
/** No exponent of more matters: a text has fewer digits that could make up for it. */
const EXPONENT_MAX = 1e12;

const NO_DIGIT = -1;

function digitOf(byte: number, isHexadecimal: boolean): number {
  if (byte >= ZERO && byte <= NINE) return byte - ZERO;
  const lower = byte | LOWER;
  return isHexadecimal && lower >= A && lower <= F ? lower - A + 10 : NO_DIGIT;
}

/** The digits before the exponent. `end` is where they end. */
class Mantissa {
  end = 0;
  /** Those kept, without zeros before the first other one; '' for zero. */
  digits = '';
  /** The last digit kept counts as many places more than it stands for here. */
  places = 0;
  isNumber = false;

  read(bytes: Uint8Array, offset: number, end: number, isHexadecimal: boolean): void {
    const most = isHexadecimal ? HEXADECIMAL_DIGITS_KEPT : DECIMAL_DIGITS_KEPT;
    let isFraction = false;
    let hasMore = false;
    let at = offset;
    this.digits = '';
    this.places = 0;
    this.isNumber = false;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === POINT && !isFraction) {
        isFraction = true;
        continue;
      }
      const digit = digitOf(byte, isHexadecimal);
      if (digit === NO_DIGIT) break;
      this.isNumber = true;
      const isKept = this.digits.length < most;
      if (isKept && (digit !== 0 || this.digits !== '')) this.digits += digit.toString(16);
      else if (!isKept && digit !== 0) hasMore = true;
      this.places += (isKept ? 0 : 1) - (isFraction ? 1 : 0);
    }
    if (hasMore) {
      this.digits += '1';
      this.places--;
    }
    this.end = at;
  }
}

const mantissa = new Mantissa();

/** The exponent at `offset`, the letter before it included. @returns NaN when there is none */
function readExponent(bytes: Uint8Array, offset: number, end: number): number {
  let at = offset + 1;
  const sign = bytes[at];
  if (sign === MINUS || sign === PLUS) at++;
  if (at >= end) return Number.NaN;
  let exponent = 0;
  for (; at < end; at++) {
    const digit = digitOf(bytes[at]!, false);
    if (digit === NO_DIGIT) return Number.NaN;
    exponent = Math.min(exponent * 10 + digit, EXPONENT_MAX);
  }
  return sign === MINUS ? -exponent : exponent;
}

/** @returns a short text for the same double, '' when the bytes are no decimal or hexadecimal number */
export function shortenNumber(bytes: Uint8Array, offset: number, length: number): string {
  const end = offset + length;
  const sign = bytes[offset] === MINUS ? '-' : '';
  let at = sign === '-' || bytes[offset] === PLUS ? offset + 1 : offset;
  const isHexadecimal = bytes[at] === ZERO && (bytes[at + 1]! | LOWER) === X;
  if (isHexadecimal) at += 2;
  mantissa.read(bytes, at, end, isHexadecimal);
  if (!mantissa.isNumber) return '';
  let exponent = mantissa.places * (isHexadecimal ? 4 : 1);
  if (mantissa.end < end) {
    if ((bytes[mantissa.end]! | LOWER) !== (isHexadecimal ? P : E)) return '';
    exponent += readExponent(bytes, mantissa.end, end);
    if (Number.isNaN(exponent)) return '';
  }
  const digits = mantissa.digits === '' ? '0' : mantissa.digits;
  return `${sign}${isHexadecimal ? '0x' : ''}${digits}${isHexadecimal ? 'p' : 'e'}${exponent}`;
}
