/** `string.format`: C's printf for one value at a time. */
import { type Arguments, checkNumber, checkString, toInt } from '../runtime/arguments.js';
import { argumentError, libraryError } from '../runtime/failures.js';
import { meter } from '../runtime/meter.js';
import {
  exactDigits,
  exponentText,
  formatGeneral,
  nonFiniteText,
  roundDigits,
  significantDigits,
} from '../runtime/number-text.js';
import { TextBuilder } from '../runtime/text-builder.js';
import { replaceCharacters } from './quoting.js';

/** A conversion: `%-5.2f`. */
interface Conversion {
  readonly left: boolean;
  readonly plus: boolean;
  readonly blank: boolean;
  readonly alternate: boolean;
  readonly zero: boolean;
  readonly width: number;
  /** -1 when none is given. */
  readonly precision: number;
  readonly letter: string;
}

const FLAGS = '-+ #0';
const LONG_STRING_BYTES = 100;

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

/** Reads a conversion after its `%`. @returns it and the place after it */
function parse(format: string, from: number): { conversion: Conversion; end: number } {
  let at = from;
  while (at < format.length && FLAGS.includes(format[at]!)) at++;
  const flags = format.slice(from, at);
  if (flags.length > FLAGS.length) throw libraryError('invalid format (repeated flags)');
  const widthFrom = at;
  if (isDigit(format, at)) at++;
  if (isDigit(format, at)) at++;
  const width = Number(format.slice(widthFrom, at));
  let precision = -1;
  if (format[at] === '.') {
    const precisionFrom = ++at;
    if (isDigit(format, at)) at++;
    if (isDigit(format, at)) at++;
    precision = Number(format.slice(precisionFrom, at));
  }
  if (isDigit(format, at)) throw libraryError('invalid format (width or precision too long)');
  const conversion = {
    left: flags.includes('-'),
    plus: flags.includes('+'),
    blank: flags.includes(' '),
    alternate: flags.includes('#'),
    zero: flags.includes('0'),
    width,
    precision,
    letter: format[at] ?? '\0',
  };
  return { conversion, end: at + 1 };
}

/** Fills up to the width: zeros go between sign and digits. */
function pad(conversion: Conversion, sign: string, body: string, mayZero: boolean): string {
  const missing = conversion.width - sign.length - body.length;
  if (missing <= 0) return sign + body;
  if (conversion.left) return sign + body + ' '.repeat(missing);
  if (conversion.zero && mayZero) return sign + '0'.repeat(missing) + body;
  return ' '.repeat(missing) + sign + body;
}

function signOf(conversion: Conversion, isNegative: boolean): string {
  if (isNegative) return '-';
  if (conversion.plus) return '+';
  return conversion.blank ? ' ' : '';
}

/** A double cast to long, as x86 does it: what does not fit is the least long. */
function castToLong(x: number): bigint {
  if (!(x >= -(2 ** 63) && x < 2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(x));
}

function castToUnsigned(x: number): bigint {
  if (x >= 2 ** 63 && x < 2 ** 64) return BigInt(x);
  if (x >= 2 ** 64) return 0n;
  return BigInt.asUintN(64, castToLong(x));
}

function integerDigits(conversion: Conversion, magnitude: bigint, base: number): string {
  const digits = magnitude === 0n && conversion.precision === 0 ? '' : magnitude.toString(base);
  return conversion.precision > digits.length ? digits.padStart(conversion.precision, '0') : digits;
}

function formatSigned(conversion: Conversion, x: number): string {
  const value = castToLong(x);
  const magnitude = value < 0n ? -value : value;
  const digits = integerDigits(conversion, magnitude, 10);
  return pad(conversion, signOf(conversion, value < 0n), digits, conversion.precision < 0);
}

function formatUnsigned(conversion: Conversion, x: number): string {
  const value = castToUnsigned(x);
  const { letter, alternate } = conversion;
  const base = letter === 'u' ? 10 : letter === 'o' ? 8 : 16;
  let digits = integerDigits(conversion, value, base);
  let prefix = '';
  if (alternate && letter === 'o' && !digits.startsWith('0')) digits = `0${digits}`;
  if (alternate && base === 16 && value !== 0n) prefix = '0x';
  const text = pad(conversion, prefix, digits, conversion.precision < 0);
  return letter === 'X' ? text.toUpperCase() : text;
}

/** Digits of |x| with `places` after the point. */
function fixed(x: number, places: number, alternate: boolean): string {
  const point = alternate ? '.' : '';
  if (x === 0) return places > 0 ? `0.${'0'.repeat(places)}` : `0${point}`;
  const exact = exactDigits(x);
  const kept = roundDigits(exact, exact.point + places);
  const digits = kept.digits === '' ? '0' : kept.digits;
  const all = digits.padStart(digits.length - Math.min(0, kept.point) + 1, '0');
  const whole = kept.digits === '' ? '0' : all.slice(0, all.length - places) || '0';
  const fraction = kept.digits === '' ? '0'.repeat(places) : all.slice(all.length - places);
  const trimmed = whole.replace(/^0+(?=\d)/, '');
  return places > 0 ? `${trimmed}.${fraction}` : `${trimmed}${point}`;
}

function exponential(x: number, places: number, alternate: boolean): string {
  if (x === 0) {
    const fraction = places > 0 ? `.${'0'.repeat(places)}` : alternate ? '.' : '';
    return `0${fraction}e+00`;
  }
  const { digits, point } = significantDigits(x, places + 1);
  const fraction = places > 0 ? `.${digits.slice(1)}` : alternate ? '.' : '';
  return `${digits[0]}${fraction}${exponentText(point - 1)}`;
}

/** `%#g` keeps the zeros at the end. */
function generalWithZeros(x: number, precision: number): string {
  const count = precision === 0 ? 1 : precision;
  if (x === 0) return `0.${'0'.repeat(count - 1)}`;
  const { digits, point } = significantDigits(x, count);
  const exponent = point - 1;
  if (exponent < -4 || exponent >= count) {
    return `${digits[0]}.${digits.slice(1)}${exponentText(exponent)}`;
  }
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

function formatDouble(conversion: Conversion, x: number): string {
  const { letter, alternate } = conversion;
  const isUpper = letter < 'a';
  const precision = conversion.precision < 0 ? 6 : conversion.precision;
  if (!Number.isFinite(x)) {
    const text = nonFiniteText(x);
    const isNegative = text.startsWith('-');
    const body = isNegative ? text.slice(1) : text;
    const padded = pad(conversion, signOf(conversion, isNegative), body, false);
    return isUpper ? padded.toUpperCase() : padded;
  }
  const isNegative = x < 0 || Object.is(x, -0);
  const magnitude = Math.abs(x);
  let body: string;
  const lower = letter.toLowerCase();
  if (lower === 'f') body = fixed(magnitude, precision, alternate);
  else if (lower === 'e') body = exponential(magnitude, precision, alternate);
  else if (alternate) body = generalWithZeros(magnitude, precision);
  else body = formatGeneral(magnitude, precision);
  const text = pad(conversion, signOf(conversion, isNegative), body, true);
  return isUpper ? text.toUpperCase() : text;
}

function formatString(conversion: Conversion, text: string): string {
  if (conversion.precision < 0 && text.length >= LONG_STRING_BYTES) return text;
  const nul = text.indexOf('\0');
  const cut = nul < 0 ? text : text.slice(0, nul);
  const body = conversion.precision >= 0 ? cut.slice(0, conversion.precision) : cut;
  return pad(conversion, '', body, false);
}

/** A string as Lua source. */
function quoted(text: string): string {
  const body = replaceCharacters(text, /["\\\n\r\0]/g, (c) => {
    if (c === '\r') return '\\r';
    if (c === '\0') return '\\000';
    return `\\${c}`;
  });
  return `"${body}"`;
}

function convert(conversion: Conversion, args: Arguments, place: number): string {
  switch (conversion.letter) {
    case 'c': {
      const c = String.fromCharCode(toInt(checkNumber(args, place)) & 255);
      const text = pad(conversion, '', c, false);
      // printf's result is taken up to its first NUL.
      return c === '\0' ? text.slice(0, text.indexOf('\0')) : text;
    }
    case 'd':
    case 'i':
      return formatSigned(conversion, checkNumber(args, place));
    case 'o':
    case 'u':
    case 'x':
    case 'X':
      return formatUnsigned(conversion, checkNumber(args, place));
    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G':
      return formatDouble(conversion, checkNumber(args, place));
    case 'q':
      return quoted(checkString(args, place));
    case 's':
      return formatString(conversion, checkString(args, place));
    default:
      throw libraryError(
        `invalid option '%${conversion.letter === '\0' ? '' : conversion.letter}' to 'format'`,
      );
  }
}

export function format(args: Arguments): string {
  const text = checkString(args, 1);
  const parts = new TextBuilder();
  let place = 1;
  let from = 0;
  for (;;) {
    const percent = text.indexOf('%', from);
    if (percent < 0) break;
    if (--meter.ticks < 0) meter.tick();
    parts.push(text.slice(from, percent));
    if (text[percent + 1] === '%') {
      parts.push('%');
      from = percent + 2;
      continue;
    }
    place++;
    if (place > args.length) throw argumentError(place, 'no value');
    const { conversion, end } = parse(text, percent + 1);
    parts.push(convert(conversion, args, place));
    from = end;
  }
  parts.push(text.slice(from));
  return parts.finish();
}
