/** Doubles as text, digit for digit as C prints them: what clients see, and what digests are made of. */
import { DIGITS_BELOW, DIGITS_FROM, Digits, seventeenDigits } from './exact-decimal.js';

const LOW_DIGITS = 8;
const ZERO = 0x30;
const found = new Digits();

/** A double as printf's "%.17g": 17 significant digits without trailing zeros; "inf", "-inf". */
export function formatDouble(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x < 0 ? '-inf' : 'inf';
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  // Sixteen digits at most. Most scores are such numbers, and what follows takes microseconds.
  if (Number.isSafeInteger(x)) return String(x);
  const magnitude = Math.abs(x);
  const sign = x < 0 ? '-' : '';
  if (magnitude >= DIGITS_FROM && magnitude < DIGITS_BELOW) {
    seventeenDigits(magnitude, found);
    const low = `${found.low}`.padStart(LOW_DIGITS, '0');
    return general(sign, withoutZeros(`${found.high}${low}`), found.exponent);
  }
  const scientific = roundToSeventeen(magnitude);
  const e = scientific.indexOf('e');
  const exponent = Number(scientific.slice(e + 1));
  return general(sign, withoutZeros(`${scientific[0]}${scientific.slice(2, e)}`), exponent);
}

function withoutZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === ZERO) end--;
  return digits.slice(0, end);
}

/** As %g writes these digits of 17. */
function general(sign: string, digits: string, exponent: number): string {
  if (exponent < -4 || exponent >= 17) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const power = Math.abs(exponent).toString().padStart(2, '0');
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}

/** Like toExponential(16), but with ties to even as C rounds them (JS rounds them up). */
function roundToSeventeen(x: number): string {
  const longer = x.toExponential(60);
  if (!/^\d\.\d{16}50*e/.test(longer)) return x.toExponential(16);
  const evenBelow = /^\d\.\d{15}[02468]/.test(longer);
  return evenBelow
    ? `${longer.slice(0, 18)}${longer.slice(longer.indexOf('e'))}`
    : x.toExponential(16);
}
