/**
 * Integers of 64 bits as two words, and their decimal text. Structures store a text that is the
 * canonical form of such an integer ("-7", not "+7", "07" or "-0") in 1 to 8 bytes; whoever reads it
 * gets the same text back. No BigInt: that would allocate one for each element.
 */
import type { Region } from '../../base/region.js';

/** Longest text: "-9223372036854775808". */
export const INTEGER_TEXT_MAX = 20;
const MINUS = 45;
const ZERO = 48;
const TWO_32 = 2 ** 32;
/** Digits that one division yields; the remainder times 2^32 stays an exact double. */
const GROUP = 100_000;
const GROUP_DIGITS = 5;

/** An integer of 1 to 4 bytes, signed. */
function readBytes(view: DataView, offset: number, width: number): number {
  if (width === 1) return view.getInt8(offset);
  if (width === 2) return view.getInt16(offset, true);
  if (width === 4) return view.getInt32(offset, true);
  return view.getUint16(offset, true) | (view.getInt8(offset + 2) << 16);
}

/** The low `width` bytes of a word: 0 to 3. */
function writeBytes(view: DataView, offset: number, value: number, width: number): void {
  if (width === 0) return;
  if (width === 1) {
    view.setInt8(offset, value);
    return;
  }
  view.setInt16(offset, value, true);
  if (width === 3) view.setInt8(offset + 2, value >> 16);
}

/** The integer of `width` bytes at an offset, as a double: exact up to 53 bits. */
export function readNumber(region: Region, offset: number, width: number): number {
  const { view } = region;
  if (width <= 4) return readBytes(view, offset, width);
  return readBytes(view, offset + 4, width - 4) * TWO_32 + view.getUint32(offset, true);
}

export class Int64 {
  /** Bits 32-63, signed. */
  high = 0;
  /** Bits 0-31, as a signed word. */
  low = 0;

  /** @param value an integer of at most 53 bits */
  set(value: number): void {
    this.high = Math.floor(value / TWO_32);
    this.low = value | 0;
  }

  /** As a double: exact up to 53 bits. */
  get number(): number {
    return this.high * TWO_32 + (this.low >>> 0);
  }

  compare(other: Int64): number {
    if (this.high !== other.high) return this.high < other.high ? -1 : 1;
    const left = this.low >>> 0;
    const right = other.low >>> 0;
    return left === right ? 0 : left < right ? -1 : 1;
  }

  /** Bytes that hold it in two's complement, 1 to 8. */
  get width(): number {
    const { high, low } = this;
    if (high === low >> 31) {
      if (low === (low << 24) >> 24) return 1;
      if (low === (low << 16) >> 16) return 2;
      return low === (low << 8) >> 8 ? 3 : 4;
    }
    if (high === (high << 24) >> 24) return 5;
    if (high === (high << 16) >> 16) return 6;
    return high === (high << 8) >> 8 ? 7 : 8;
  }

  /** Writes its low `width` bytes, little endian. */
  write(region: Region, offset: number, width: number): void {
    const { view } = region;
    const { low, high } = this;
    if (width < 4) {
      writeBytes(view, offset, low, width);
      return;
    }
    view.setInt32(offset, low, true);
    if (width === 8) view.setInt32(offset + 4, high, true);
    else writeBytes(view, offset + 4, high, width - 4);
  }

  read(region: Region, offset: number, width: number): void {
    const { view } = region;
    if (width < 4) {
      this.low = readBytes(view, offset, width);
      this.high = this.low >> 31;
      return;
    }
    this.low = view.getInt32(offset, true);
    if (width === 4) this.high = this.low >> 31;
    else this.high = readBytes(view, offset + 4, width - 4);
  }

  /** Whether these `width` bytes are its low ones. */
  equals(region: Region, offset: number, width: number): boolean {
    const { view } = region;
    const { low, high } = this;
    if (width < 4)
      return readBytes(view, offset, width) === (low << (32 - 8 * width)) >> (32 - 8 * width);
    if (view.getInt32(offset, true) !== low) return false;
    if (width === 4) return true;
    const spare = 64 - 8 * width;
    return readBytes(view, offset + 4, width - 4) === (high << spare) >> spare;
  }

  /** Takes the value of a text. @returns false when the text is not canonical */
  parse(region: Region, offset: number, length: number): boolean {
    if (length === 0 || length > INTEGER_TEXT_MAX) return false;
    const bytes = region.bytes;
    const first = bytes[offset]!;
    if (first > 57) return false;
    const negative = first === MINUS;
    const start = negative ? 1 : 0;
    const digits = length - start;
    if (digits === 0 || digits > 19) return false;
    if (bytes[offset + start] === ZERO && (negative || digits > 1)) return false;
    return digits <= 15
      ? this.parseShort(bytes, offset + start, digits, negative)
      : this.parseLong(bytes, offset + start, digits, negative);
  }

  private parseShort(bytes: Uint8Array, at: number, digits: number, negative: boolean): boolean {
    let value = 0;
    for (let i = at; i < at + digits; i++) {
      const digit = bytes[i]! - ZERO;
      if (digit < 0 || digit > 9) return false;
      value = value * 10 + digit;
    }
    this.set(negative ? -value : value);
    return true;
  }

  private parseLong(bytes: Uint8Array, at: number, digits: number, negative: boolean): boolean {
    let low = 0;
    let high = 0;
    for (let i = at; i < at + digits; i++) {
      const digit = bytes[i]! - ZERO;
      if (digit < 0 || digit > 9) return false;
      low = low * 10 + digit;
      const carry = Math.floor(low / TWO_32);
      low -= carry * TWO_32;
      high = high * 10 + carry;
    }
    // 19 digits reach 2^63 and more, but not 2^64.
    const border = high === 2 ** 31 && low === 0 && negative;
    if (high >= 2 ** 31 && !border) return false;
    this.low = (negative ? -low : low) | 0;
    this.high = (negative ? -high - (low === 0 ? 0 : 1) : high) | 0;
    return true;
  }

  /** Bytes of its text. */
  get textLength(): number {
    const value = this.number;
    let digits = value < 0 ? 2 : 1;
    const magnitude = Math.abs(value);
    if (magnitude >= 1e15) return this.longTextLength();
    for (let bound = 10; magnitude >= bound; bound *= 10) digits++;
    return digits;
  }

  /** Where doubles are not exact: by dividing. */
  private longTextLength(): number {
    let high = this.magnitudeHigh();
    let low = this.magnitudeLow();
    let digits = this.high < 0 ? 1 : 0;
    while (high > 0 || low > 0) {
      const rest = high % 10;
      high = Math.floor(high / 10);
      low = Math.floor((rest * TWO_32 + low) / 10);
      digits++;
    }
    return digits;
  }

  private magnitudeHigh(): number {
    if (this.high >= 0) return this.high;
    return this.low === 0 ? -this.high : ~this.high;
  }

  private magnitudeLow(): number {
    return (this.high < 0 ? -this.low : this.low) >>> 0;
  }

  /** Writes its text, of `length` = `textLength` bytes. */
  writeText(region: Region, offset: number, length: number): void {
    const bytes = region.bytes;
    let high = this.magnitudeHigh();
    let low = this.magnitudeLow();
    const first = this.high < 0 ? offset + 1 : offset;
    if (this.high < 0) bytes[offset] = MINUS;
    for (let at = offset + length - 1; at >= first; ) {
      const rest = high % GROUP;
      high = (high - rest) / GROUP;
      const sum = rest * TWO_32 + low;
      let group = sum % GROUP;
      low = (sum - group) / GROUP;
      for (let i = 0; i < GROUP_DIGITS && at >= first; i++) {
        bytes[at--] = ZERO + (group % 10);
        group = (group / 10) | 0;
      }
    }
  }

  /** Its text as a JS string. Off the data path only. */
  toText(): string {
    return ((BigInt(this.high) << 32n) | BigInt(this.low >>> 0)).toString();
  }
}
