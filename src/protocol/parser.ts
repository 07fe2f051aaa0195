/**
 * The request parser: finds the arguments of a RESP command in the bytes of a receive buffer.
 *
 * Nothing is copied (but inline commands) and nothing is allocated: an argument is an offset and a length into the
 * region that was read into. Parsing stops at any byte and resumes there, so that a command that
 * arrives in small pieces costs no more than one that arrives whole:
 *
 *     *3\r\n  $3\r\n SET \r\n  $1\r\n k \r\n  $5\r\n hel|lo\r\n
 *     ^ start                                 ^ position ^ end        missing = 4
 *
 * On INCOMPLETE the caller keeps the bytes from `start` on, appends what arrives, and calls
 * `parse(region, parser.position, end)` again; when it has moved them it calls `rebase` first.
 *
 * The usual shape (at most 9 arguments, short lengths) is read by the loop of `readArguments`, which
 * takes `$3\r\n` as one 32-bit word. Everything else, errors included, goes through the slow
 * functions below it. Like Redis, the parser does not look at the two bytes that end a bulk.
 */
import { copyBytes, Region } from '../base/region.js';
import { splitInline } from './inline.js';
import { INTEGER_OK, ParsedInteger, parseInteger } from './numbers.js';

/** What `parse` returns. */
export const INCOMPLETE = 0;
export const COMMAND = 1;
export const PROTOCOL_ERROR = 2;
/** Internal: a header or an argument was read, go on. */
const GO_ON = 3;

/** A line (inline command, count, length) longer than this is an error. */
export const LINE_BYTES_MAX = 64 * 1024;
const ARGUMENTS_MAX = 0x7fff_ffff;
/**
 * A command longer than this in all is an error, as its arguments' offsets are 31 bits: the last line
 * and the end of an argument still fit behind it.
 */
export const COMMAND_BYTES_MAX = 0x7ff0_0000;
/** What a client may send before it has authenticated. */
export const UNAUTHENTICATED_ARGUMENTS_MAX = 10;
export const UNAUTHENTICATED_BULK_BYTES_MAX = 16384;
export const BULK_BYTES_MAX_DEFAULT = 512 * 1024 * 1024;

const INITIAL_CAPACITY = 16;
const KEPT_CAPACITY = 4096;
/** `?` is any byte: `*?\r\n` and `$?\r\n` as little-endian words, and the mask that skips it. */
const ONE_DIGIT_MASK = 0xffff00ff | 0;
const ARRAY_ONE_DIGIT = 0x0a0d002a;
const BULK_ONE_DIGIT = 0x0a0d0024;
const CR = 13;
const LF = 10;
const ZERO = 48;
const NINE = 57;
const STAR = 42;
const DOLLAR = 36;

const NOWHERE = new Region(new SharedArrayBuffer(8), 0);

function lineRegion(length: number): Region {
  return new Region(new SharedArrayBuffer(Math.max(256, (length + 7) & ~7)), 0);
}

/** The arguments of the command under way; argument 0 is the command's name. */
export class Arguments {
  region: Region = NOWHERE;
  count = 0;
  offset = new Int32Array(INITIAL_CAPACITY);
  length = new Int32Array(INITIAL_CAPACITY);

  push(offset: number, length: number): void {
    if (this.count === this.offset.length) this.grow();
    this.offset[this.count] = offset;
    this.length[this.count] = length;
    this.count++;
  }

  /** Of all arguments together. */
  get bytes(): number {
    let sum = 0;
    for (let i = 0; i < this.count; i++) sum += this.length[i]!;
    return sum;
  }

  /** Gives back the room that a command of very many arguments took. Forgets the arguments. */
  trim(): void {
    this.count = 0;
    this.region = NOWHERE;
    if (this.offset.length <= KEPT_CAPACITY) return;
    this.offset = new Int32Array(INITIAL_CAPACITY);
    this.length = new Int32Array(INITIAL_CAPACITY);
  }

  grow(): void {
    const offset = new Int32Array(this.offset.length * 2);
    const length = new Int32Array(this.offset.length * 2);
    offset.set(this.offset);
    length.set(this.length);
    this.offset = offset;
    this.length = length;
  }
}

export class RequestParser {
  readonly args = new Arguments();
  /** Where the command under way begins: bytes before it are no longer needed. */
  start = 0;
  /** The next unread byte. */
  position = 0;
  /** Bytes known to be missing for the bulk under way, its CRLF included; 0 when in a line. */
  missing = 0;
  /** The error is that the command is too long: a limit of this server, not of the protocol. */
  isTooLong = false;
  /** The error's text without its code, one char per byte. */
  error = '';
  /** proto-max-bulk-len */
  bulkBytesMax = BULK_BYTES_MAX_DEFAULT;
  /** False bounds what the client may send, until it has authenticated. */
  authenticated = true;

  /** The count or length read last. */
  private readonly number = new ParsedInteger();
  /** The inline command read last. */
  private line = NOWHERE;
  /** Arguments the command under way has in all; 0 between commands. */
  private wanted = 0;
  /** Length of the bulk whose data begin at `position`; -1 when its length comes next. */
  private bulk = -1;
  /** Bytes after `position` that are known not to end the line. */
  private scanned = 0;

  /**
   * Reads one command from `[position, end)` of the region.
   *
   * @returns COMMAND, INCOMPLETE or PROTOCOL_ERROR
   */
  parse(region: Region, position: number, end: number): number {
    this.args.region = region;
    if (this.wanted !== 0) {
      this.position = position;
      const status = this.readArgument(region, end);
      return status === GO_ON ? this.readArguments(region, this.position, end) : status;
    }
    this.args.count = 0;
    if (end - position >= 4) {
      const word = region.view.getInt32(position, true);
      const digit = ((word >> 8) & 0xff) - ZERO;
      if ((word & ONE_DIGIT_MASK) === ARRAY_ONE_DIGIT && digit >= 1 && digit <= 9) {
        this.start = position;
        this.scanned = 0;
        this.wanted = digit;
        return this.readArguments(region, position + 4, end);
      }
    }
    const status = this.readHeader(region, position, end);
    return status === GO_ON ? this.readArguments(region, this.position, end) : status;
  }

  /** The hot loop: reads what is left of the command's arguments. */
  private readArguments(region: Region, from: number, end: number): number {
    const args = this.args;
    const view = region.view;
    const bytes = region.bytes;
    const wanted = this.wanted;
    let position = from;
    let count = args.count;
    let offsets = args.offset;
    let lengths = args.length;
    while (count < wanted) {
      let data = 0;
      let length = 0;
      let next = 0x7fff_ffff;
      if (end - position >= 6 && count < offsets.length) {
        const word = view.getInt32(position, true);
        if ((word & ONE_DIGIT_MASK) === BULK_ONE_DIGIT) {
          length = ((word >> 8) & 0xff) - ZERO;
          data = position + 4;
          if (length >= 0 && length <= 9) next = data + length + 2;
        } else if ((word & 0xff) === DOLLAR && ((word >> 8) & 0xff) !== ZERO) {
          data = position + 1;
          let byte = bytes[data]!;
          while (byte >= ZERO && byte <= NINE && length < 1000 && ++data < end) {
            length = length * 10 + byte - ZERO;
            byte = bytes[data]!;
          }
          if (byte === CR && length > 0) {
            data += 2;
            next = data + length + 2;
          }
        }
      }
      if (next <= end) {
        offsets[count] = data;
        lengths[count] = length;
        count++;
        position = next;
        continue;
      }
      // Incomplete, unusual or wrong: the slow functions find out.
      this.position = position;
      args.count = count;
      const status = this.readArgument(region, end);
      if (status !== GO_ON) return status;
      count = args.count;
      position = this.position;
      offsets = args.offset;
      lengths = args.length;
    }
    args.count = count;
    this.wanted = 0;
    this.position = position;
    return COMMAND;
  }

  /** Forgets the command under way (the connection closes, or its bytes were thrown away). */
  reset(): void {
    this.args.count = 0;
    this.wanted = 0;
    this.bulk = -1;
    this.scanned = 0;
    this.missing = 0;
    this.error = '';
    this.isTooLong = false;
  }

  /**
   * The caller has moved the command's bytes by `delta`, perhaps into another region.
   * @param delta not -0, which would make doubles of all offsets (net/small-integers.test.ts)
   */
  rebase(region: Region, delta: number): void {
    const args = this.args;
    args.region = region;
    for (let i = 0; i < args.count; i++) args.offset[i] = args.offset[i]! + delta;
    this.position += delta;
    this.start += delta;
  }

  /** Takes over another parser's command under way, so that one parser can serve all but those. */
  takeOver(other: RequestParser): void {
    const from = other.args;
    while (this.args.offset.length < from.count) this.args.grow();
    for (let i = 0; i < from.count; i++) {
      this.args.offset[i] = from.offset[i]!;
      this.args.length[i] = from.length[i]!;
    }
    this.args.region = from.region;
    this.args.count = from.count;
    this.start = other.start;
    this.position = other.position;
    this.missing = other.missing;
    this.wanted = other.wanted;
    this.bulk = other.bulk;
    this.scanned = other.scanned;
    other.reset();
  }

  /** Reads `*<count>\r\n` or an inline command, skipping empty ones. */
  private readHeader(region: Region, from: number, end: number): number {
    const bytes = region.bytes;
    let position = from;
    this.missing = 0;
    while (position < end) {
      this.start = position;
      this.position = position;
      const multibulk = bytes[position] === STAR;
      const lineEnd = this.findLineEnd(bytes, multibulk ? CR : LF, end);
      if (lineEnd - position > LINE_BYTES_MAX) {
        return this.fail(
          multibulk
            ? 'Protocol error: too big mbulk count string'
            : 'Protocol error: too big inline request',
        );
      }
      if (multibulk ? lineEnd + 1 >= end : lineEnd >= end) return INCOMPLETE;
      this.scanned = 0;
      const status = multibulk
        ? this.readCount(region, position, lineEnd)
        : this.readInline(region, position, lineEnd);
      if (status !== INCOMPLETE) return status;
      position = this.position;
    }
    this.start = position;
    this.position = position;
    return INCOMPLETE;
  }

  /** @returns INCOMPLETE when the command was empty */
  private readCount(region: Region, position: number, lineEnd: number): number {
    const kind = parseInteger(region, position + 1, lineEnd - position - 1, this.number);
    const count = this.number.value;
    if (kind !== INTEGER_OK || count > ARGUMENTS_MAX) {
      return this.fail('Protocol error: invalid multibulk length');
    }
    if (count > UNAUTHENTICATED_ARGUMENTS_MAX && !this.authenticated) {
      return this.fail('Protocol error: unauthenticated multibulk length');
    }
    this.position = lineEnd + 2;
    if (count <= 0) return INCOMPLETE;
    // The number parsed is a double: all offsets that are reckoned from it would be doubles too.
    this.wanted = count | 0;
    return GO_ON;
  }

  /** @returns INCOMPLETE when the line was empty */
  private readInline(region: Region, position: number, lineEnd: number): number {
    this.position = lineEnd + 1;
    const carriage = lineEnd > position && region.bytes[lineEnd - 1] === CR ? 1 : 0;
    this.args.count = 0;
    // Quotes are decoded in place: in a copy, as the command may have to be read again.
    const length = lineEnd - carriage - position;
    if (this.line.length < length) this.line = lineRegion(length);
    copyBytes(this.line, 0, region, position, length);
    this.args.region = this.line;
    if (!splitInline(this.args, this.line.bytes, 0, length)) {
      return this.fail('Protocol error: unbalanced quotes in request');
    }
    if (this.args.count > 0) return COMMAND;
    this.args.region = region;
    return INCOMPLETE;
  }

  /** Reads one argument at `this.position`, whole or resumed. */
  private readArgument(region: Region, end: number): number {
    if (this.bulk < 0) {
      const status = this.readBulkLength(region, end);
      if (status !== GO_ON) return status;
    }
    const missing = this.bulk + 2 - (end - this.position);
    if (missing > 0) {
      this.missing = missing;
      return INCOMPLETE;
    }
    this.missing = 0;
    this.args.push(this.position, this.bulk);
    this.position += this.bulk + 2;
    this.bulk = -1;
    return GO_ON;
  }

  private readBulkLength(region: Region, end: number): number {
    const position = this.position;
    this.missing = 0;
    const lineEnd = this.findLineEnd(region.bytes, CR, end);
    if (lineEnd - position > LINE_BYTES_MAX) {
      return this.fail('Protocol error: too big bulk count string');
    }
    if (lineEnd + 1 >= end) return INCOMPLETE;
    this.scanned = 0;
    const first = region.bytes[position]!;
    if (first !== DOLLAR) {
      return this.fail(`Protocol error: expected '$', got '${String.fromCharCode(first)}'`);
    }
    const kind = parseInteger(region, position + 1, lineEnd - position - 1, this.number);
    const length = this.number.value;
    if (kind !== INTEGER_OK || length < 0 || length > this.bulkBytesMax) {
      return this.fail('Protocol error: invalid bulk length');
    }
    if (lineEnd - this.start + length > COMMAND_BYTES_MAX) {
      this.isTooLong = true;
      return this.fail(`Protocol error: a command may have ${COMMAND_BYTES_MAX} bytes in all`);
    }
    if (length > UNAUTHENTICATED_BULK_BYTES_MAX && !this.authenticated) {
      return this.fail('Protocol error: unauthenticated bulk length');
    }
    this.bulk = length | 0;
    this.position = lineEnd + 2;
    return GO_ON;
  }

  /** Where `terminator` is in the line at `this.position`, or `end`. */
  private findLineEnd(bytes: Uint8Array, terminator: number, end: number): number {
    let at = this.position + this.scanned;
    // Like Redis, which looks for it with strchr, this never finds one behind a NUL.
    while (at < end && bytes[at] !== terminator && bytes[at] !== 0) at++;
    this.scanned = at - this.position;
    return at < end && bytes[at] === 0 ? end : at;
  }

  private fail(error: string): number {
    this.error = error;
    return PROTOCOL_ERROR;
  }
}
