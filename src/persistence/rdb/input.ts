/**
 * Bytes of an RDB stream as they come, and the format's smallest parts: lengths and strings.
 *
 * What has come and is not read yet stands in a window. A reading function returns false when not
 * all of its bytes are there and leaves `position` where it was: the caller returns to its own caller
 * and starts the same part over with more bytes. Parts are small, or a length followed by so many
 * bytes, so that starting over costs nothing.
 *
 *     window   | read | unread ............ | free ........ |
 *              0      position              end             length
 *
 * Nothing is allocated by what a length claims: the window doubles as bytes come, up to the one
 * string under way.
 */
import { copyBytes, moveBytes, Region } from '../../base/region.js';
import { formatInteger } from '../../protocol/numbers.js';
import { Crc64 } from './crc64.js';
import { RdbError } from './error.js';
import { STRING_INT8, STRING_INT16, STRING_INT32, STRING_LZF, TWO_32 } from './format.js';
import { int64ToBigint } from './integers.js';
import { decompressLzf, LZF_EXPANSION_MAX, LzfJob } from './lzf.js';

/** It stays in the second level's cache while it is filled, parsed and checksummed. */
export const WINDOW_BYTES = 256 * 1024;
/** A place for decompressed strings that grew beyond this is given back. */
const SCRATCH_BYTES_KEPT = 1024 * 1024;
const SCRATCH_BYTES = 1024;
/** What is asked for may begin a little after what is started over. */
const MARGIN_BYTES = 64;
/** Regions end below 2^31, and the window doubles. */
export const STRING_BYTES_MAX = 1 << 30;

export function newRegion(bytes: number): Region {
  return new Region(new SharedArrayBuffer((bytes + 7) & ~7), 0);
}

/** A string that was read: in the window, or, if it was encoded, in a place of its own. */
export class RdbString {
  region: Region;
  offset = 0;
  length = 0;
  private scratch: Region;

  constructor() {
    this.scratch = newRegion(SCRATCH_BYTES);
    this.region = this.scratch;
  }

  /** A place of `bytes` bytes that the next string overwrites. */
  room(bytes: number): Region {
    const { length } = this.scratch;
    if (bytes > length) {
      this.scratch = newRegion(bytes > SCRATCH_BYTES_KEPT ? bytes : Math.max(bytes, 2 * length));
    }
    return this.scratch;
  }

  /** Copies it out of the window, whose bytes move. */
  keep(): void {
    if (this.region === this.scratch) return;
    const room = this.room(this.length);
    copyBytes(room, 0, this.region, this.offset, this.length);
    this.region = room;
    this.offset = 0;
  }

  /** Gives back what a large string took. */
  release(): void {
    if (this.scratch.length <= SCRATCH_BYTES_KEPT) return;
    this.scratch = newRegion(SCRATCH_BYTES);
    this.set(this.scratch, 0, 0);
  }

  set(region: Region, offset: number, length: number): void {
    this.region = region;
    this.offset = offset;
    this.length = length;
  }
}

export class RdbInput {
  window: Region;
  position = 0;
  end = 0;
  /** The length read last: exactly as two words and, as near as a number gets, as one number. */
  high = 0;
  low = 0;
  length = 0;
  /** How the string that begins here is encoded (STRING_INT8 ...), -1: it is plain. */
  encoding = -1;
  readonly checksum = new Crc64();
  withChecksum = true;

  /** Offset of the window's first byte in the stream. */
  private base = 0;
  /** Bytes of the window that the checksum covers. */
  private summed = 0;
  /** Bytes from `position` that the string under way takes, 0 when not known. */
  private wanted = 0;
  private readonly job = new LzfJob();

  /** @param windowBytes how large the window is while nothing asks for more; a multiple of 8 */
  constructor(
    private readonly stringBytesMax: number,
    private readonly windowBytes: number,
  ) {
    if (stringBytesMax > STRING_BYTES_MAX) {
      throw new RangeError(`strings of ${stringBytesMax} bytes are too long to be held`);
    }
    this.window = newRegion(windowBytes);
  }

  /** Bytes of the stream before the next one to be read. */
  get offset(): number {
    return this.base + this.position;
  }

  get unread(): number {
    return this.end - this.position;
  }

  /** Starts over on a stream that is whole in somebody's region. */
  attach(region: Region, offset: number, length: number): void {
    this.window = region;
    this.position = offset;
    this.end = offset + length;
    this.base = -offset;
    this.summed = offset;
    this.wanted = 0;
  }

  /** Starts over with bytes from this offset of a stream on. */
  restart(offset: number): void {
    this.position = 0;
    this.end = 0;
    this.base = offset;
    this.summed = 0;
    this.wanted = 0;
    this.checksum.reset();
  }

  /** Makes room after `end` in the window; returns how many bytes fit. */
  makeRoom(): number {
    if (this.end === this.window.length) this.findRoom();
    return this.window.length - this.end;
  }

  /** Takes as many of the bytes as there is room for; returns how many. */
  push(bytes: Uint8Array, offset: number, length: number): number {
    const taken = Math.min(length, this.makeRoom());
    const isWhole = taken === bytes.length;
    this.window.bytes.set(isWhole ? bytes : bytes.subarray(offset, offset + taken), this.end);
    this.end += taken;
    return taken;
  }

  /** Adds all bytes that have been read to the checksum. */
  sum(): void {
    const length = this.position - this.summed;
    if (this.withChecksum && length > 0) this.checksum.update(this.window, this.summed, length);
    this.summed = this.position;
  }

  private findRoom(): void {
    this.sum();
    const { unread, wanted, window } = this;
    const needed = wanted > unread ? wanted + MARGIN_BYTES : unread * 2;
    if (needed > window.length) {
      this.moveTo(newRegion(Math.min(needed, window.length * 2)));
    } else if (window.length > this.windowBytes && needed <= this.windowBytes) {
      this.moveTo(newRegion(this.windowBytes));
    } else {
      moveBytes(window, 0, this.position, this.end - this.position);
      this.moved();
    }
  }

  private moveTo(region: Region): void {
    copyBytes(region, 0, this.window, this.position, this.unread);
    this.window = region;
    this.moved();
  }

  private moved(): void {
    this.base += this.position;
    this.end -= this.position;
    this.position = 0;
    this.summed = 0;
  }

  /** Whether `count` bytes are there; they are asked for when not. */
  has(count: number): boolean {
    if (this.end - this.position >= count) return true;
    this.wanted = count;
    return false;
  }

  /**
   * Reads a length into `length`, `high` and `low`, or an encoding into `encoding`.
   *
   * @returns false when its bytes have not all come
   */
  readLength(): boolean {
    const { position, end } = this;
    if (position === end) return this.has(1);
    const bytes = this.window.bytes;
    const first = bytes[position]!;
    this.encoding = -1;
    if (first < 0x40) {
      this.position = position + 1;
      return this.setLength(0, first);
    }
    if (first < 0x80) {
      if (!this.has(2)) return false;
      this.position = position + 2;
      return this.setLength(0, ((first & 63) << 8) | bytes[position + 1]!);
    }
    if (first >= 0xc0) {
      this.encoding = first & 63;
      this.position = position + 1;
      return this.setLength(0, 0);
    }
    if (first === 0x80) {
      if (!this.has(5)) return false;
      this.position = position + 5;
      return this.setLength(0, this.window.view.getInt32(position + 1, false));
    }
    if (first !== 0x81) throw new RdbError(`No such form of a length, ${first}`);
    if (!this.has(9)) return false;
    const view = this.window.view;
    this.position = position + 9;
    return this.setLength(view.getInt32(position + 1, false), view.getInt32(position + 5, false));
  }

  /** Reads a length where no encoded string may stand. @returns as `readLength` */
  readCount(): boolean {
    if (!this.readLength()) return false;
    if (this.encoding >= 0) throw new RdbError('An encoded string where a length must be');
    return true;
  }

  private setLength(high: number, low: number): boolean {
    this.high = high;
    this.low = low;
    this.length = high === 0 ? low >>> 0 : (high >>> 0) * TWO_32 + (low >>> 0);
    return true;
  }

  /** The length read last as an unsigned integer. */
  get exact(): bigint {
    return BigInt.asUintN(64, int64ToBigint(this.high, this.low));
  }

  /** Reads a string in any of its forms. @returns false when its bytes have not all come */
  readString(into: RdbString): boolean {
    const { position, end, window } = this;
    // Plain strings below 16 KiB that are there as a whole: nearly all.
    if (position + 1 < end) {
      const bytes = window.bytes;
      const first = bytes[position]!;
      if (first < 0x80) {
        const isShort = first < 0x40;
        const length = isShort ? first : ((first & 63) << 8) | bytes[position + 1]!;
        const offset = isShort ? position + 1 : position + 2;
        if (length <= end - offset) {
          into.region = window;
          into.offset = offset;
          into.length = length;
          this.position = offset + length;
          return true;
        }
      }
    }
    return this.readAnyString(into);
  }

  private readAnyString(into: RdbString): boolean {
    const start = this.position;
    if (!this.readLength()) return false;
    if (this.encoding >= 0) {
      if (this.readEncoded(into, start)) return true;
      this.position = start;
      return false;
    }
    const { length, position } = this;
    if (length > this.end - position) return this.missing(start, length);
    into.region = this.window;
    into.offset = position;
    into.length = length;
    this.position = position + length;
    return true;
  }

  private missing(start: number, length: number): boolean {
    this.checkStringLength(length);
    this.wanted = this.position - start + length;
    this.position = start;
    return false;
  }

  private checkStringLength(length: number): void {
    if (length <= this.stringBytesMax) return;
    throw new RdbError(`A string of ${length} bytes; ${this.stringBytesMax} are allowed`);
  }

  private readEncoded(into: RdbString, start: number): boolean {
    const { position } = this;
    const view = this.window.view;
    switch (this.encoding) {
      case STRING_INT8:
        return this.has(1) && this.integer(into, 1, view.getInt8(position));
      case STRING_INT16:
        return this.has(2) && this.integer(into, 2, view.getInt16(position, true));
      case STRING_INT32:
        return this.has(4) && this.integer(into, 4, view.getInt32(position, true));
      case STRING_LZF:
        return this.readCompressed(into, start);
      default:
        throw new RdbError(`No such encoding of a string, ${this.encoding}`);
    }
  }

  private integer(into: RdbString, bytes: number, value: number): boolean {
    const room = into.room(16);
    into.set(room, 0, formatInteger(room, 0, value));
    this.position += bytes;
    return true;
  }

  private readCompressed(into: RdbString, start: number): boolean {
    if (!this.readCount()) return false;
    const compressed = this.length;
    if (!this.readCount()) return false;
    const { length, position } = this;
    this.checkStringLength(length);
    this.checkStringLength(compressed);
    if (compressed === 0 || length > compressed * LZF_EXPANSION_MAX) {
      throw new RdbError(`A compressed string of ${compressed} bytes claims to have ${length}`);
    }
    if (compressed > this.end - position) {
      this.wanted = position - start + compressed;
      return false;
    }
    const { job } = this;
    job.from = this.window;
    job.fromOffset = position;
    job.fromLength = compressed;
    job.to = into.room(length);
    job.toOffset = 0;
    job.toLength = length;
    if (!decompressLzf(job)) throw new RdbError('A damaged compressed string');
    into.set(job.to, 0, length);
    this.position = position + compressed;
    return true;
  }
}
