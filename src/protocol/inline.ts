/**
 * Inline commands: a plain line split into arguments, as people type it into telnet.
 *
 * Arguments are separated by blanks. Within "double quotes" \n \r \t \b \a and \xHH are escapes
 * and a backslash before anything else stands for that; within 'single quotes' only \' is. A
 * closing quote ends its argument and must be followed by a blank or the line's end. Quotes may
 * begin in the middle of an argument, which then goes on with what they hold.
 *
 * Arguments are decoded in place: what is decoded is never longer than its source.
 */
import type { Arguments } from './parser.js';

const SPACE = 32;
const BACKSLASH = 92;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const LOWER_X = 120;

function isBlank(byte: number): boolean {
  return byte === SPACE || (byte >= 9 && byte <= 13);
}

/** A blank that ends an unquoted argument: vertical tab and form feed do not. */
function isSeparator(byte: number): boolean {
  return byte === SPACE || byte === 9 || byte === 10 || byte === 13;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function escaped(byte: number): number {
  switch (byte) {
    case 110:
      return 10;
    case 114:
      return 13;
    case 116:
      return 9;
    case 98:
      return 8;
    case 97:
      return 7;
    default:
      return byte;
  }
}

/** Where the last call of `decodeQuoted` stopped writing. */
let written = 0;

/**
 * Decodes from after an opening quote, writing at `to`; the end is left in `written`.
 *
 * @returns the byte after the closing quote, or -1 when there is none
 */
function decodeQuoted(
  bytes: Uint8Array,
  from: number,
  end: number,
  to: number,
  quote: number,
): number {
  let read = from;
  let write = to;
  while (read < end) {
    const byte = bytes[read]!;
    if (byte === quote) {
      written = write;
      return read + 1;
    }
    if (byte !== BACKSLASH || read + 1 >= end) {
      bytes[write++] = byte;
      read++;
      continue;
    }
    const next = bytes[read + 1]!;
    if (quote === SINGLE_QUOTE) {
      const skipped = next === SINGLE_QUOTE ? 2 : 1;
      bytes[write++] = skipped === 2 ? next : byte;
      read += skipped;
      continue;
    }
    const high = next === LOWER_X && read + 3 < end ? hexDigit(bytes[read + 2]!) : -1;
    const low = high >= 0 ? hexDigit(bytes[read + 3]!) : -1;
    bytes[write++] = low >= 0 ? high * 16 + low : escaped(next);
    read += low >= 0 ? 4 : 2;
  }
  return -1;
}

/**
 * Splits the line `[position, end)` into `args`.
 *
 * @returns false when its quotes are not balanced
 */
export function splitInline(
  args: Arguments,
  bytes: Uint8Array,
  position: number,
  end: number,
): boolean {
  let read = position;
  for (;;) {
    while (read < end && isBlank(bytes[read]!)) read++;
    if (read >= end) return true;
    const start = read;
    let write = read;
    while (read < end && !isSeparator(bytes[read]!)) {
      const byte = bytes[read]!;
      read++;
      if (byte !== DOUBLE_QUOTE && byte !== SINGLE_QUOTE) {
        bytes[write++] = byte;
        continue;
      }
      read = decodeQuoted(bytes, read, end, write, byte);
      if (read < 0) return false;
      write = written;
      if (read < end && !isBlank(bytes[read]!)) return false;
      break;
    }
    args.push(start, write - start);
  }
}
