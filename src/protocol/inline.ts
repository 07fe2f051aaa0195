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

/** How far a line has been read, and where in it the decoded bytes end. */
class Cursor {
  read = 0;
  write = 0;
}

const cursor = new Cursor();

/**
 * Decodes from after an opening quote, where the cursor is, to behind the closing one.
 *
 * @returns false when there is none
 */
function decodeQuoted(bytes: Uint8Array, at: Cursor, end: number, quote: number): boolean {
  let { read, write } = at;
  while (read < end) {
    const byte = bytes[read]!;
    if (byte === quote) {
      at.read = read + 1;
      at.write = write;
      return true;
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
  return false;
}

/**
 * Splits the line `[position, end)` into `args`.
 *
 * @returns false when its quotes are not balanced
 */
export function splitInline(
  args: Pick<Arguments, 'push'>,
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
      cursor.read = read;
      cursor.write = write;
      if (!decodeQuoted(bytes, cursor, end, byte)) return false;
      read = cursor.read;
      write = cursor.write;
      if (read < end && !isBlank(bytes[read]!)) return false;
      break;
    }
    args.push(start, write - start);
  }
}

/** The same for a text of one char per byte. @returns null when its quotes are not balanced */
export function splitArguments(text: string): string[] | null {
  const bytes = Buffer.from(text, 'latin1');
  const words: string[] = [];
  const collect = {
    push: (offset: number, length: number) => {
      words.push(bytes.toString('latin1', offset, offset + length));
    },
  };
  return splitInline(collect, bytes, 0, bytes.length) ? words : null;
}
