/**
 * One element of a packed value: a tag, then its bytes.
 *
 *   tag 0x00-0x7f   the integer 0 to 127 itself
 *       0x80-0xbf   0 to 63 bytes
 *       0xc0-0xcf   64 to 4159 bytes: their number less 64 in the tag's low bits and one more byte
 *       0xd0-0xdf   an integer from 128 to 4223: less 128, in the tag's low bits and one more byte
 *       0xe1-0xe8   an integer in 1 to 8 bytes, signed, little endian
 *       0xf0        u32 number of bytes, then these
 *       0xf1        a score that is no integer of 53 bits: f64
 *
 * A text that is a canonical integer is always an integer, in the shortest form that holds it, so
 * equal elements have equal bytes: what is sought is encoded once and compared as bytes. There is no
 * length at the end of an element, which costs a byte each in Redis's listpack: whoever goes backwards
 * collects the positions first (packed.ts).
 */
import { copyBytes, equalBytes, type Region } from '../../base/region.js';
import { INTEGER_TEXT_MAX, Int64, readNumber } from './integer.js';

export const TAG_SHORT = 0x80;
export const TAG_MEDIUM = 0xc0;
export const TAG_INTEGER_12 = 0xd0;
export const TAG_INTEGER = 0xe0;
export const TAG_LONG = 0xf0;
export const TAG_SCORE = 0xf1;
export const SHORT_MAX = 63;
export const MEDIUM_MIN = 64;
export const MEDIUM_MAX = MEDIUM_MIN + 4095;
export const INTEGER_12_MIN = 128;
export const INTEGER_12_MAX = INTEGER_12_MIN + 4095;
const LONG_HEADER_BYTES = 5;
const SCORE_BYTES = 9;
const SAFE = 2 ** 53;

/** Bytes of the element that starts here. The value is valid. */
export function elementBytes(region: Region, at: number): number {
  const tag = region.bytes[at]!;
  if (tag < TAG_SHORT) return 1;
  if (tag < TAG_MEDIUM) return 1 + (tag & 63);
  if (tag < TAG_INTEGER_12) return 2 + MEDIUM_MIN + (((tag & 15) << 8) | region.bytes[at + 1]!);
  if (tag < TAG_INTEGER) return 2;
  if (tag < TAG_LONG) return 1 + (tag & 15);
  if (tag === TAG_SCORE) return SCORE_BYTES;
  return LONG_HEADER_BYTES + region.view.getInt32(at + 1, true);
}

/** An element about to be written, or sought. Owned by its caller, reused. */
export class PackedElement {
  /** Bytes of the element. */
  size = 0;
  /** The first byte; the second too where `header` is 2. */
  private tag = 0;
  private second = 0;
  /** Bytes before the payload: tag and length. */
  private header = 0;
  private score = Number.NaN;
  private readonly integer = new Int64();
  private source: Region;
  private offset = 0;
  private length = 0;
  /** The last four bytes, where there are so many. */
  private tail = 0;

  constructor(region: Region) {
    this.source = region;
  }

  /** Takes the shortest form of these bytes, which are referred to and not copied. */
  set(source: Region, offset: number, length: number): void {
    if (length <= INTEGER_TEXT_MAX && this.integer.parse(source, offset, length)) {
      this.setInteger();
      return;
    }
    this.source = source;
    this.offset = offset;
    this.length = length;
    this.tail = length >= 4 ? source.view.getInt32(offset + length - 4, true) : 0;
    if (length <= SHORT_MAX) this.head(TAG_SHORT | length, 0, 1);
    else if (length <= MEDIUM_MAX) {
      const rest = length - MEDIUM_MIN;
      this.head(TAG_MEDIUM | (rest >> 8), rest & 255, 2);
    } else this.head(TAG_LONG, 0, LONG_HEADER_BYTES);
    this.size = this.header + length;
  }

  /** A score, which is not NaN. */
  setScore(score: number): void {
    if (Number.isInteger(score) && Math.abs(score) < SAFE && !Object.is(score, -0)) {
      this.integer.set(score);
      this.setInteger();
      return;
    }
    this.score = score;
    this.length = 0;
    this.head(TAG_SCORE, 0, 1);
    this.size = SCORE_BYTES;
  }

  private head(tag: number, second: number, bytes: number): void {
    this.tag = tag;
    this.second = second;
    this.header = bytes;
  }

  private setInteger(): void {
    const { high, low, width } = this.integer;
    this.length = 0;
    if (high === 0 && low >= 0 && low <= INTEGER_12_MAX) {
      const rest = low - INTEGER_12_MIN;
      if (rest < 0) this.head(low, 0, 1);
      else this.head(TAG_INTEGER_12 | (rest >> 8), rest & 255, 2);
      this.size = this.header;
      return;
    }
    this.head(TAG_INTEGER | width, 0, 1);
    this.size = 1 + width;
  }

  write(region: Region, at: number): void {
    const { bytes, view } = region;
    const { tag, header } = this;
    bytes[at] = tag;
    if (header === 2) bytes[at + 1] = this.second;
    else if (header === LONG_HEADER_BYTES) view.setInt32(at + 1, this.length, true);
    if (this.length > 0) copyBytes(region, at + header, this.source, this.offset, this.length);
    else if (tag === TAG_SCORE) view.setFloat64(at + 1, this.score, true);
    else if (tag > TAG_INTEGER && tag < TAG_LONG) this.integer.write(region, at + 1, tag & 15);
  }

  /** Whether the element that starts here is this one. */
  equals(region: Region, at: number): boolean {
    const { tag, header } = this;
    const { bytes, view } = region;
    if (bytes[at] !== tag) return false;
    if (header === 2 && bytes[at + 1] !== this.second) return false;
    if (header === LONG_HEADER_BYTES && view.getInt32(at + 1, true) !== this.length) return false;
    if (this.length > 0) {
      // Members often begin alike and differ at the end.
      if (this.length >= 4) {
        const last = at + header + this.length - 4;
        if (view.getInt32(last, true) !== this.tail) return false;
      }
      return equalBytes(region, at + header, this.source, this.offset, this.length);
    }
    if (tag === TAG_SCORE) return Object.is(view.getFloat64(at + 1, true), this.score);
    return tag <= TAG_INTEGER || tag >= TAG_LONG || this.integer.equals(region, at + 1, tag & 15);
  }
}

/** An element as read. Its bytes are referred to: they stay until the value changes or moves. */
export class PackedView {
  /** Whether it is an integer or, else, whether it is a score. */
  isInteger = false;
  isScore = false;
  /** Where its bytes are, for one that is neither. */
  offset = 0;
  /** Bytes of the value; of an integer, of its text. A score has none. */
  length = 0;
  /** Its value, for a score or an integer in the place of one. */
  score = Number.NaN;
  readonly integer = new Int64();

  /** @returns the bytes of the element */
  read(region: Region, at: number): number {
    const { bytes, view } = region;
    const tag = bytes[at]!;
    this.isScore = tag === TAG_SCORE;
    this.isInteger = false;
    if (tag >= TAG_SHORT && tag < TAG_MEDIUM) return this.noteBytes(at + 1, tag & 63, 1);
    if (tag >= TAG_MEDIUM && tag < TAG_INTEGER_12) {
      const length = MEDIUM_MIN + (((tag & 15) << 8) | bytes[at + 1]!);
      return this.noteBytes(at + 2, length, 2);
    }
    if (tag === TAG_LONG) {
      return this.noteBytes(at + LONG_HEADER_BYTES, view.getInt32(at + 1, true), LONG_HEADER_BYTES);
    }
    if (tag === TAG_SCORE) {
      this.score = view.getFloat64(at + 1, true);
      this.length = 0;
      return SCORE_BYTES;
    }
    return this.noteInteger(region, at, tag);
  }

  private noteBytes(offset: number, length: number, header: number): number {
    this.offset = offset;
    this.length = length;
    return header + length;
  }

  private noteInteger(region: Region, at: number, tag: number): number {
    const { integer } = this;
    this.isInteger = true;
    let size = 1;
    if (tag < TAG_SHORT) integer.set(tag);
    else if (tag < TAG_INTEGER) {
      integer.set(INTEGER_12_MIN + (((tag & 15) << 8) | region.bytes[at + 1]!));
      size = 2;
    } else {
      integer.read(region, at + 1, tag & 15);
      size = 1 + (tag & 15);
    }
    this.score = integer.number;
    this.length = integer.textLength;
    return size;
  }

  /** Copies its bytes, `length` of them. @param region where the value lies */
  copyTo(region: Region, target: Region, at: number): void {
    if (this.isInteger) this.integer.writeText(target, at, this.length);
    else copyBytes(target, at, region, this.offset, this.length);
  }
}

/** The score in an element that is one. */
export function scoreAt(region: Region, at: number): number {
  const tag = region.bytes[at]!;
  if (tag < TAG_SHORT) return tag;
  if (tag === TAG_SCORE) return region.view.getFloat64(at + 1, true);
  if (tag < TAG_INTEGER) return INTEGER_12_MIN + (((tag & 15) << 8) | region.bytes[at + 1]!);
  return readNumber(region, at + 1, tag & 15);
}
