/**
 * Ids of stream entries: two unsigned integers of 64 bits, milliseconds and a sequence number, as four
 * signed words. No BigInt where ids are ordinary: it would allocate one for each entry.
 */
import { copyBytes, Region, toBinary } from '../../base/region.js';
import type { ValueEffects } from '../value-type.js';

export const ID_TEXT_MAX = 41;
export const PACKED_ID_BYTES_MAX = 24;
const PACKED_SEQUENCE_FOLLOWS = 0xfffff;
const TWO_32 = 2 ** 32;
const EXACT_HIGH = 2 ** 21;
/** A number of so many digits is exact as a double. */
const EXACT_DIGITS = 15;
const PARSED_BYTES_MAX = 127;
const MASK_64 = 2n ** 64n - 1n;
const BILLION = 1_000_000_000;
const LOW_DIGITS = 9;
const DASH = 45;
const PLUS = 43;
const STAR = 42;
const ZERO = 48;

export class StreamId {
  msHigh = 0;
  msLow = 0;
  seqHigh = 0;
  seqLow = 0;

  set(msHigh: number, msLow: number, seqHigh: number, seqLow: number): this {
    this.msHigh = msHigh | 0;
    this.msLow = msLow | 0;
    this.seqHigh = seqHigh | 0;
    this.seqLow = seqLow | 0;
    return this;
  }

  copyFrom(other: StreamId): this {
    return this.set(other.msHigh, other.msLow, other.seqHigh, other.seqLow);
  }

  setLowest(): this {
    return this.set(0, 0, 0, 0);
  }

  setHighest(): this {
    return this.set(-1, -1, -1, -1);
  }

  /** @param id 128 bits, the milliseconds in the upper half */
  setBigInt(id: bigint): this {
    const word = (shift: bigint): number => Number(BigInt.asIntN(32, id >> shift));
    return this.set(word(96n), word(64n), word(32n), word(0n));
  }

  toBigInt(): bigint {
    const half = (high: number, low: number): bigint =>
      (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    return (half(this.msHigh, this.msLow) << 64n) | half(this.seqHigh, this.seqLow);
  }

  /** @param ms an integer of at most 53 bits */
  setTime(ms: number): this {
    return this.set(Math.floor(ms / TWO_32), ms | 0, 0, 0);
  }

  get isZero(): boolean {
    return (this.msHigh | this.msLow | this.seqHigh | this.seqLow) === 0;
  }

  get isHighest(): boolean {
    return (this.msHigh & this.msLow & this.seqHigh & this.seqLow) === -1;
  }

  compare(other: StreamId): number {
    return (
      compareWords(this.msHigh, other.msHigh) ||
      compareWords(this.msLow, other.msLow) ||
      compareWords(this.seqHigh, other.seqHigh) ||
      compareWords(this.seqLow, other.seqLow)
    );
  }

  hasSameTime(other: StreamId): boolean {
    return this.msHigh === other.msHigh && this.msLow === other.msLow;
  }

  /** The next id. @returns false when there is none; it is the lowest one then */
  increment(): boolean {
    this.seqLow = (this.seqLow + 1) | 0;
    if (this.seqLow !== 0) return true;
    this.seqHigh = (this.seqHigh + 1) | 0;
    if (this.seqHigh !== 0) return true;
    this.msLow = (this.msLow + 1) | 0;
    if (this.msLow !== 0) return true;
    this.msHigh = (this.msHigh + 1) | 0;
    return this.msHigh !== 0;
  }

  /** The id before. @returns false when there is none; it is the highest one then */
  decrement(): boolean {
    this.seqLow = (this.seqLow - 1) | 0;
    if (this.seqLow !== -1) return true;
    this.seqHigh = (this.seqHigh - 1) | 0;
    if (this.seqHigh !== -1) return true;
    this.msLow = (this.msLow - 1) | 0;
    if (this.msLow !== -1) return true;
    this.msHigh = (this.msHigh - 1) | 0;
    return this.msHigh !== -1;
  }

  /** From 16 bytes, the most significant first. */
  read({ view }: Region, offset: number): this {
    this.msHigh = view.getInt32(offset, false);
    this.msLow = view.getInt32(offset + 4, false);
    this.seqHigh = view.getInt32(offset + 8, false);
    this.seqLow = view.getInt32(offset + 12, false);
    return this;
  }

  write({ view }: Region, offset: number): void {
    view.setInt32(offset, this.msHigh, false);
    view.setInt32(offset + 4, this.msLow, false);
    view.setInt32(offset + 8, this.seqHigh, false);
    view.setInt32(offset + 12, this.seqLow, false);
  }

  /**
   * Writes it so that the bytes compare as ids do, in 8 bytes where it is ordinary: 44 bits of
   * milliseconds, 20 of the sequence number. A part of ones says that the number follows.
   *
   *   milliseconds, sequence number   8 bytes   ordinary
   *   milliseconds, ones              16 bytes  the sequence number follows
   *   ones, ones                      24 bytes  both follow
   *
   * @returns how many bytes it takes, PACKED_ID_BYTES_MAX at most
   */
  writePacked(region: Region, offset: number): number {
    const { view } = region;
    const { msHigh, msLow, seqHigh, seqLow } = this;
    if (msHigh >>> 12 !== 0 || (msHigh === 0xfff && msLow === -1)) {
      view.setInt32(offset, -1, false);
      view.setInt32(offset + 4, -1, false);
      this.write(region, offset + 8);
      return 24;
    }
    view.setInt32(offset, (msHigh << 20) | (msLow >>> 12), false);
    const low = msLow << 20;
    if (seqHigh === 0 && seqLow >>> 0 < PACKED_SEQUENCE_FOLLOWS) {
      view.setInt32(offset + 4, low | seqLow, false);
      return 8;
    }
    view.setInt32(offset + 4, low | PACKED_SEQUENCE_FOLLOWS, false);
    view.setInt32(offset + 8, seqHigh, false);
    view.setInt32(offset + 12, seqLow, false);
    return 16;
  }

  /** Reads what `writePacked` wrote. @returns how many bytes it takes */
  readPacked(region: Region, offset: number): number {
    const { view } = region;
    const high = view.getInt32(offset, false);
    const low = view.getInt32(offset + 4, false);
    if ((high & low) === -1) {
      this.read(region, offset + 8);
      return 24;
    }
    const sequence = low & PACKED_SEQUENCE_FOLLOWS;
    this.set(high >>> 20, (high << 12) | (low >>> 20), 0, sequence);
    if (sequence !== PACKED_SEQUENCE_FOLLOWS) return 8;
    this.seqHigh = view.getInt32(offset + 8, false);
    this.seqLow = view.getInt32(offset + 12, false);
    return 16;
  }

  /** Writes it as ms-seq, with another separator if one is given. @returns its length */
  writeText(region: Region, offset: number, separator = DASH): number {
    let at = writtenTime.write(region, offset, this.msHigh, this.msLow);
    region.bytes[at++] = separator;
    at = writeUnsigned(region, at, this.seqHigh, this.seqLow);
    return at - offset;
  }
}

function compareWords(one: number, other: number): number {
  if (one === other) return 0;
  return one >>> 0 < other >>> 0 ? -1 : 1;
}

/** The text of the milliseconds last written: neighbours often have the same. One for each thread. */
class WrittenTime {
  private high = 0;
  private low = 0;
  private length = 0;
  private readonly text = new Region(new SharedArrayBuffer(24), 0);

  /** @returns where it ends */
  write(region: Region, offset: number, high: number, low: number): number {
    if (high !== this.high || low !== this.low || this.length === 0) {
      this.high = high;
      this.low = low;
      this.length = writeUnsigned(this.text, 0, high, low);
    }
    copyBytes(region, offset, this.text, 0, this.length);
    return offset + this.length;
  }
}

const writtenTime = new WrittenTime();

/** @returns where it ends */
function writeUnsigned({ bytes }: Region, offset: number, high: number, low: number): number {
  const unsignedHigh = high >>> 0;
  if (unsignedHigh >= EXACT_HIGH) {
    const text = ((BigInt(unsignedHigh) << 32n) | BigInt(low >>> 0)).toString();
    for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
    return offset + text.length;
  }
  let rest = unsignedHigh * TWO_32 + (low >>> 0);
  let digits = 1;
  for (let power = 10; power <= rest; power *= 10) digits++;
  let at = offset + digits - 1;
  if (rest >= BILLION) {
    // Below a billion the divisions are those of integers of 32 bits.
    // Not with %, which is a call for doubles. The quotient may be rounded up to the next integer.
    let upper = Math.floor(rest / BILLION);
    let low = rest - upper * BILLION;
    if (low < 0) {
      upper--;
      low += BILLION;
    }
    rest = upper;
    writeDigits(bytes, at, at - LOW_DIGITS, low);
    at -= LOW_DIGITS;
  }
  writeDigits(bytes, at, offset - 1, rest);
  return offset + digits;
}

/** Writes the digits of a number below a billion from its last one at `from` on, back to behind `to`. */
function writeDigits(bytes: Uint8Array, from: number, to: number, value: number): void {
  let rest = value | 0;
  for (let at = from; at > to; at--) {
    const next = (rest / 10) | 0;
    bytes[at] = ZERO + rest - next * 10;
    rest = next;
  }
}

/** What a text may be besides ms-seq and ms. */
export interface IdForm {
  /** - and + are the lowest and the highest id. */
  readonly edges: boolean;
  /** ms-* is allowed: `sequenceIsGiven` tells. */
  readonly star: boolean;
}

export const FORM_STRICT: IdForm = { edges: false, star: false };
export const FORM_EDGES: IdForm = { edges: true, star: false };
export const FORM_NEW: IdForm = { edges: false, star: true };

/** Parses ids as Redis does. One for each thread. */
class IdParser {
  sequenceIsGiven = true;
  private high = 0;
  private low = 0;

  /**
   * @param missing the word that fills the sequence number of a text that has none
   * @returns false when the text is no id; `into` is undefined then
   */
  parse(
    region: Region,
    offset: number,
    length: number,
    form: IdForm,
    missing: number,
    into: StreamId,
  ): boolean {
    const { bytes } = region;
    this.sequenceIsGiven = true;
    if (length > PARSED_BYTES_MAX) return false;
    let end = offset;
    let dash = -1;
    // Redis reads a text up to its first NUL.
    for (; end < offset + length && bytes[end] !== 0; end++) {
      if (dash < 0 && bytes[end] === DASH) dash = end;
    }
    if (end === offset + 1 && (bytes[offset] === DASH || bytes[offset] === PLUS)) {
      if (!form.edges) return false;
      if (bytes[offset] === DASH) into.setLowest();
      else into.setHighest();
      return true;
    }
    if (!this.parseHalf(region, offset, dash < 0 ? end : dash)) return false;
    into.set(this.high, this.low, missing, missing);
    if (dash < 0) return true;
    if (form.star && end === dash + 2 && bytes[dash + 1] === STAR) {
      this.sequenceIsGiven = false;
      into.set(this.high, this.low, 0, 0);
      return true;
    }
    if (!this.parseHalf(region, dash + 1, end)) return false;
    into.seqHigh = this.high;
    into.seqLow = this.low;
    return true;
  }

  private parseHalf(region: Region, start: number, end: number): boolean {
    const { bytes } = region;
    if (start === end) return false;
    if (end - start > EXACT_DIGITS) return this.parseLong(toBinary(region, start, end - start));
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) return this.parseLong(toBinary(region, start, end - start));
      value = value * 10 + digit;
    }
    this.high = Math.floor(value / TWO_32) | 0;
    this.low = value | 0;
    return true;
  }

  /** What strtoull takes, and what it makes of a sign; a plain negative number is refused. */
  private parseLong(text: string): boolean {
    if (/^-[1-9]\d*$/.test(text) && BigInt(text) >= -(2n ** 63n)) return false;
    const match = /^[ \t\n\v\f\r]*([+-]?)(\d+)$/.exec(text);
    if (match === null) return false;
    let value = BigInt(match[2]!);
    if (value > MASK_64) return false;
    if (match[1] === '-') value = -value & MASK_64;
    this.high = Number(value >> 32n) | 0;
    this.low = Number(value & 0xffffffffn) | 0;
    return true;
  }
}

export const idParser = new IdParser();

/** Where ids are written as text: one for each thread. */
export const idText = new Region(new SharedArrayBuffer(48), 0);

/** Adds it to a command as text. */
export function addId(effects: ValueEffects, id: StreamId): ValueEffects {
  return effects.bytes(idText, 0, id.writeText(idText, 0));
}
