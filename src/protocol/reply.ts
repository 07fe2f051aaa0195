/**
 * Writes RESP2 and RESP3 replies into an output region, at `position`.
 *
 *     region  | replies of others | this connection's replies of the turn | free     |
 *             0                   start                            position      limit
 *
 * Replies cannot fail and mostly allocate nothing. When there is no room the `grow` hook finds
 * some: it may replace the region, `start`, `position` and `limit`, as long as the bytes of
 * `[start, position)` move along and `limit - position` is what was asked for. Positions that
 * must survive this (`mark`) are therefore relative to `start`.
 *
 * Strings of JS are written in two ways: `...Text` as UTF-8, `...Binary` one byte per char.
 */
import { copyBytes, moveBytes, prefixBinary, Region } from '../base/region.js';
import { doubleIsShort, formatDouble } from './doubles.js';
import { withoutLineEnds } from '../base/line-ends.js';
import type { ErrorReply } from './errors.js';
import { digitCount, formatInteger, integerLength } from './numbers.js';

/** Makes room for `bytes` more bytes after `reply.position`. */
export type GrowHook = (reply: Reply, bytes: number) => void;

/** As in Redis: a first word that is longer is no code. So scripts can invent no longer ones. */
const ERROR_CODE_BYTES_MAX = 30;

/** What an error is counted under: its first word, where another one follows; else it is an ERR. */
function errorCodeOf(text: string): string {
  const space = text.slice(0, ERROR_CODE_BYTES_MAX + 1).search(/[ \r\n]/);
  return space < 0 ? 'ERR' : text.slice(0, space);
}

/** Thrown by `grow`: replies and their offsets stay below 2^31 bytes. */
export class ReplyTooLongError extends Error {
  constructor() {
    super('a reply of 2 GiB');
    this.name = 'ReplyTooLongError';
  }
}

/** Replies of one connection in one turn that were not moved to its queue yet. */
export const REPLY_BYTES_MAX = 0x7f00_0000;
/** Room for the error that takes the place of a reply too long. */
const ERROR_ROOM_BYTES = 0x00f0_0000;
const SHORT_BYTES = 1024;
/** Of an error's code, where a client chooses it. */
const CODE_BYTES_MAX = 128;

/** @throws ReplyTooLongError when `bytes` more than `used` are too many for offsets of 31 bits */
export function checkReplyLength(used: number, bytes: number): void {
  const most = bytes <= SHORT_BYTES ? REPLY_BYTES_MAX + ERROR_ROOM_BYTES : REPLY_BYTES_MAX;
  if (used + bytes > most) throw new ReplyTooLongError();
}

/** A header (`*`, a length, CRLF) or an integer reply is never longer than this. */
const HEADER_BYTES_MAX = 24;
const CRLF = 0x0a0d;
const CR = 13;
const LF = 10;
const SPACE = 32;
const ZERO = 48;
const ONE_DIGIT = 0x0a0d_3000;

const ARRAY = 42;
const ATTRIBUTE = 124;
const BIG_NUMBER = 40;
const BULK = 36;
const COLON = 58;
const DOUBLE = 44;
const ERROR = 45;
const INTEGER = 58;
const MAP = 37;
const PUSH = 62;
const SET = 126;
const SIMPLE = 43;
const VERBATIM = 61;

/** Little-endian words of replies that never change, without their final LF. */
const OK_WORD = 0x0d4b4f2b | 0; // "+OK\r"
const NULL_BULK_WORD = 0x0d312d24 | 0; // "$-1\r"
const NULL_ARRAY_WORD = 0x0d312d2a | 0; // "*-1\r"
const TRUE_WORD = 0x0a0d7423 | 0; // "#t\r\n"
const FALSE_WORD = 0x0a0d6623 | 0; // "#f\r\n"
const NAN_TEXT = 'nan';

/** Writes `<type><n>\r\n` for n in 0..2^31-1; returns the position after it. */
function writeHeader(region: Region, position: number, type: number, n: number): number {
  const view = region.view;
  if (n < 10) {
    view.setInt32(position, ONE_DIGIT | type | (n << 8), true);
    return position + 4;
  }
  if (n < 100) {
    const tens = (n / 10) | 0;
    const digits = ((ZERO + tens) << 8) | ((ZERO + n - tens * 10) << 16);
    view.setInt32(position, type | digits | (CR << 24), true);
    view.setUint8(position + 4, LF);
    return position + 5;
  }
  view.setUint8(position, type);
  const at = formatInteger(region, position + 1, n);
  view.setInt16(at, CRLF, true);
  return at + 2;
}

/** Writes a string one byte per char, line ends as spaces when `oneLine`. */
function writeBinary(bytes: Uint8Array, position: number, text: string, oneLine: boolean): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes[position + i] = oneLine && (code === CR || code === LF) ? SPACE : code;
  }
}

/** The default hook: a region twice as large, for tests and whatever is off the data path. */
export function growByDoubling(reply: Reply, bytes: number): void {
  const used = reply.position - reply.start;
  checkReplyLength(used, bytes);
  const wanted = Math.max(Math.min(reply.region.length * 2, REPLY_BYTES_MAX), used + bytes);
  const region = new Region(new SharedArrayBuffer((wanted + 7) & ~7), 0);
  copyBytes(region, 0, reply.region, reply.start, used);
  reply.region = region;
  reply.start = 0;
  reply.position = used;
  reply.limit = region.length;
}

export class Reply {
  region: Region;
  /** Where the current connection's replies of this turn begin. */
  start = 0;
  /** Where the next byte goes. */
  position = 0;
  /** The end of the room. */
  limit: number;
  /** The RESP version the client speaks: 2 or 3. */
  protocol: 2 | 3 = 2;
  /** Up to here (as a mark) nothing is taken back when CLIENT REPLY silences a command. */
  kept = 0;
  /** Errors written so far, and the code of the last one: for statistics and MULTI. */
  errors = 0;
  errorCode = '';
  grow: GrowHook;

  constructor(region: Region, grow: GrowHook = growByDoubling) {
    this.region = region;
    this.limit = region.length;
    this.grow = grow;
  }

  /** Makes sure that `bytes` bytes can be written at `position`. */
  ensure(bytes: number): void {
    if (this.position + bytes > this.limit) this.grow(this, bytes);
  }

  /** How many bytes are in `[start, position)`. */
  get length(): number {
    return this.position - this.start;
  }

  // Fixed replies.

  ok(): void {
    this.fixed(OK_WORD);
  }

  nullBulk(): void {
    if (this.protocol === 2) this.fixed(NULL_BULK_WORD);
    else this.resp3Null();
  }

  nullArray(): void {
    if (this.protocol === 2) this.fixed(NULL_ARRAY_WORD);
    else this.resp3Null();
  }

  emptyArray(): void {
    this.header(ARRAY, 0);
  }

  emptyBulk(): void {
    this.header(BULK, 0);
    this.crlf();
  }

  /** `+text`: a short string of ASCII without line ends. */
  simple(text: string): void {
    this.line(SIMPLE, text);
  }

  /** Bytes that are a reply, or a part of one, already. */
  raw(source: Region, offset: number, length: number): void {
    this.ensure(length);
    copyBytes(this.region, this.position, source, offset, length);
    this.position += length;
  }

  /** The same from a pre-encoded constant. */
  encoded(constant: Uint8Array): void {
    const length = constant.length;
    this.ensure(length);
    const bytes = this.region.bytes;
    const position = this.position;
    for (let i = 0; i < length; i++) bytes[position + i] = constant[i]!;
    this.position = position + length;
  }

  // Errors.

  error(error: ErrorReply): void {
    this.errors++;
    this.errorCode = error.code;
    this.encoded(error.bytes);
  }

  /**
   * An error made up on the way: "ERR something", one byte per char, on one line (line ends become
   * spaces, those at its end go).
   */
  errorText(text: string): void {
    this.errors++;
    this.errorCode = errorCodeOf(text);
    this.line(ERROR, withoutLineEnds(text));
  }

  /**
   * An error that quotes bytes of the client's, however many, without making a string of them:
   * "ERR Unknown thing '" and "'" around them, one byte per char. Line ends become spaces.
   */
  errorQuoting(
    before: string,
    source: Region,
    offset: number,
    length: number,
    after: string,
  ): void {
    this.errors++;
    const start = before === '' ? prefixBinary(source, offset, length, CODE_BYTES_MAX) : before;
    this.errorCode = errorCodeOf(start);
    this.ensure(before.length + length + after.length + HEADER_BYTES_MAX);
    const { bytes } = this.region;
    let at = this.position;
    bytes[at++] = ERROR;
    writeBinary(bytes, at, before, true);
    at += before.length;
    for (let i = 0; i < length; i++) {
      const byte = source.bytes[offset + i]!;
      bytes[at++] = byte === CR || byte === LF ? SPACE : byte;
    }
    writeBinary(bytes, at, after, true);
    this.position = at + after.length;
    this.crlf();
  }

  // Numbers.

  /** A safe integer. */
  integer(n: number): void {
    if (n >= 0 && n < 0x7fff_ffff) {
      this.header(INTEGER, n);
      return;
    }
    this.ensure(HEADER_BYTES_MAX);
    this.region.view.setUint8(this.position, INTEGER);
    this.position = formatInteger(this.region, this.position + 1, n);
    this.crlf();
  }

  /** An integer whose text is there already. */
  integerText(source: Region, offset: number, length: number): void {
    this.ensure(HEADER_BYTES_MAX);
    const { region, position } = this;
    region.view.setUint8(position, INTEGER);
    copyBytes(region, position + 1, source, offset, length);
    this.position = position + 1 + length;
    this.crlf();
  }

  /** An integer of up to 64 bits. */
  bigInteger(n: bigint): void {
    this.line(INTEGER, n.toString());
  }

  /** A safe integer as a string. */
  bulkInteger(n: number): void {
    this.ensure(HEADER_BYTES_MAX * 2);
    this.position = writeHeader(this.region, this.position, BULK, integerLength(n));
    this.position = formatInteger(this.region, this.position, n);
    this.crlf();
  }

  /** A floating point number; to RESP2 clients as a string of 17 digits. */
  double(x: number): void {
    if (doubleIsShort(x)) {
      if (this.protocol === 2) {
        this.bulkInteger(x);
        return;
      }
      this.ensure(HEADER_BYTES_MAX);
      this.region.view.setUint8(this.position, DOUBLE);
      this.position = formatInteger(this.region, this.position + 1, x);
      this.crlf();
      return;
    }
    const text = Number.isNaN(x) ? NAN_TEXT : formatDouble(x);
    if (this.protocol === 2) this.bulkBinary(text);
    else this.line(DOUBLE, text);
  }

  /** The same whose text is there already. */
  doubleText(text: string): void {
    if (this.protocol === 2) this.bulkBinary(text);
    else this.line(DOUBLE, text);
  }

  /** The same as a string in both protocols. */
  bulkDouble(x: number): void {
    if (doubleIsShort(x)) this.bulkInteger(x);
    else this.bulkBinary(formatDouble(x));
  }

  boolean(value: boolean): void {
    if (this.protocol === 2) {
      this.header(INTEGER, value ? 1 : 0);
      return;
    }
    this.ensure(4);
    this.region.view.setInt32(this.position, value ? TRUE_WORD : FALSE_WORD, true);
    this.position += 4;
  }

  /** An integer of any size; to RESP2 clients as a string. */
  bigNumber(n: bigint): void {
    if (this.protocol === 2) this.bulkBinary(n.toString());
    else this.line(BIG_NUMBER, n.toString());
  }

  /** The same whose text is there already, one byte per char. Line ends become spaces. */
  bigNumberText(text: string): void {
    if (this.protocol === 3) this.line(BIG_NUMBER, text);
    else this.bulkOneLine(text);
  }

  // Strings.

  bulk(source: Region, offset: number, length: number): void {
    this.ensure(length + HEADER_BYTES_MAX);
    const at = writeHeader(this.region, this.position, BULK, length);
    copyBytes(this.region, at, source, offset, length);
    this.position = at + length;
    this.crlf();
  }

  /**
   * Opens a bulk of `length` bytes and makes room for it: the caller writes them at `position`,
   * moves `position` behind them and calls `endBulk`.
   */
  beginBulk(length: number): void {
    this.ensure(length + HEADER_BYTES_MAX);
    this.position = writeHeader(this.region, this.position, BULK, length);
  }

  endBulk(): void {
    this.crlf();
  }

  /** A JS string as UTF-8. */
  bulkText(text: string): void {
    this.beginBulk(Buffer.byteLength(text));
    this.writeText(text);
    this.crlf();
  }

  /** A JS string that holds one byte per char. */
  bulkBinary(text: string): void {
    this.beginBulk(text.length);
    writeBinary(this.region.bytes, this.position, text, false);
    this.position += text.length;
    this.crlf();
  }

  /** The same whose line ends become spaces. */
  private bulkOneLine(text: string): void {
    this.beginBulk(text.length);
    writeBinary(this.region.bytes, this.position, text, true);
    this.position += text.length;
    this.crlf();
  }

  /** Text with a format of three letters (`txt`, `mkd`); to RESP2 clients an ordinary string. */
  verbatim(format: string, text: string): void {
    if (this.protocol === 2) {
      this.bulkText(text);
      return;
    }
    const bytes = Buffer.byteLength(text);
    this.ensure(bytes + HEADER_BYTES_MAX);
    this.position = writeHeader(this.region, this.position, VERBATIM, bytes + 4);
    writeBinary(this.region.bytes, this.position, format, true);
    this.region.bytes[this.position + 3] = COLON;
    this.position += 4;
    this.writeText(text);
    this.crlf();
  }

  /** The same with one byte per char. A shorter format is filled up with spaces, of a longer one three stay. */
  verbatimBinary(format: string, text: string): void {
    if (this.protocol === 2) {
      this.bulkBinary(text);
      return;
    }
    this.ensure(text.length + HEADER_BYTES_MAX);
    this.position = writeHeader(this.region, this.position, VERBATIM, text.length + 4);
    const head = `${format.slice(0, 3).padEnd(3)}:`;
    writeBinary(this.region.bytes, this.position, head, true);
    writeBinary(this.region.bytes, this.position + head.length, text, false);
    this.position += head.length + text.length;
    this.crlf();
  }

  // Aggregates: the elements follow as replies of their own.

  array(count: number): void {
    this.header(ARRAY, count);
  }

  /** `count` pairs follow. */
  map(count: number): void {
    if (this.protocol === 2) this.header(ARRAY, count * 2);
    else this.header(MAP, count);
  }

  set(count: number): void {
    this.header(this.protocol === 2 ? ARRAY : SET, count);
  }

  push(count: number): void {
    this.header(this.protocol === 2 ? ARRAY : PUSH, count);
  }

  /** `count` pairs of attributes follow, then the reply they describe. RESP3 only. */
  attribute(count: number): void {
    if (this.protocol === 2) throw new Error('attributes need RESP3');
    this.header(ATTRIBUTE, count);
  }

  // Replies whose count is not known beforehand: their header is put in afterwards.

  /** Remembers this place, for `patch...` or `rewind`. */
  mark(): number {
    return this.position - this.start;
  }

  patchArray(mark: number, count: number): void {
    this.insertHeader(mark, ARRAY, count);
  }

  patchSet(mark: number, count: number): void {
    this.insertHeader(mark, this.protocol === 2 ? ARRAY : SET, count);
  }

  patchMap(mark: number, count: number): void {
    if (this.protocol === 2) this.insertHeader(mark, ARRAY, count * 2);
    else this.insertHeader(mark, MAP, count);
  }

  /** Takes back everything that was written since `mark`. */
  rewind(mark: number): void {
    this.position = this.start + mark;
  }

  /** Puts what was written since `mark` before what was written between `begin` and it. */
  putFirst(begin: number, mark: number): void {
    const length = mark - begin;
    this.ensure(length);
    const { start, position, region } = this;
    moveBytes(region, position, start + begin, length);
    moveBytes(region, start + begin, start + mark, position - start - begin);
  }

  /**
   * What was written since `mark` goes out although CLIENT REPLY silences the command. What it has
   * written before that does not.
   */
  keep(mark: number): void {
    const { kept, start, region } = this;
    if (mark > kept) moveBytes(region, start + kept, start + mark, this.position - start - mark);
    this.position -= mark - kept;
    this.kept = this.position - start;
  }

  private insertHeader(mark: number, type: number, count: number): void {
    const length = digitCount(count) + 3;
    this.ensure(length);
    const at = this.start + mark;
    moveBytes(this.region, at + length, at, this.position - at);
    writeHeader(this.region, at, type, count);
    this.position += length;
  }

  private header(type: number, n: number): void {
    this.ensure(HEADER_BYTES_MAX);
    this.position = writeHeader(this.region, this.position, type, n);
  }

  /** A reply of four bytes and LF. */
  private fixed(word: number): void {
    this.ensure(5);
    const position = this.position;
    this.region.view.setInt32(position, word, true);
    this.region.view.setUint8(position + 4, LF);
    this.position = position + 5;
  }

  private resp3Null(): void {
    this.ensure(3);
    this.region.bytes[this.position++] = 95;
    this.crlf();
  }

  /** `<type><text>\r\n` with one byte per char. */
  private line(type: number, text: string): void {
    this.ensure(text.length + 3);
    this.region.bytes[this.position++] = type;
    writeBinary(this.region.bytes, this.position, text, true);
    this.position += text.length;
    this.crlf();
  }

  private writeText(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (bytes === text.length) writeBinary(this.region.bytes, this.position, text, false);
    else this.region.bytes.set(Buffer.from(text), this.position);
    this.position += bytes;
  }

  /** The final CRLF; its room was made before. */
  private crlf(): void {
    this.region.view.setInt16(this.position, CRLF, true);
    this.position += 2;
  }
}
