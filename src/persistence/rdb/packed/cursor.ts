/**
 * What the packed encodings (listpack, ziplist, zipmap, intset) have in common: a run of bytes that
 * is a sequence of strings and integers. A cursor walks one and checks everything it steps on;
 * damage throws an RdbError. One cursor is reused for any number of runs.
 */
import { Region } from '../../../base/region.js';
import { RdbError } from '../error.js';
import { formatInt64, INT64_TEXT_BYTES_MAX, int64ToNumber } from '../integers.js';

export abstract class PackedCursor {
  /** What the encoding is called in errors. */
  abstract readonly name: string;

  /** The element under the cursor, unless it is an integer that `text` has not been called for. */
  region!: Region;
  offset = 0;
  length = 0;
  isInteger = false;
  /** The integer's halves, signed 32 bits. */
  high = 0;
  low = 0;

  /** How many elements the header counts, -1 when it does not. Not to be relied on. */
  count = 0;
  /** Elements stepped on. */
  index = 0;

  protected source!: Region;
  protected at = 0;
  /** The first byte after the run. */
  protected end = 0;
  private readonly digits = new Region(new SharedArrayBuffer((INT64_TEXT_BYTES_MAX + 7) & ~7), 0);

  /** Puts the cursor before the first element. @throws RdbError when the header is damaged */
  open(source: Region, offset: number, length: number): void {
    this.source = source;
    this.at = offset;
    this.end = offset + length;
    this.index = 0;
    this.readHeader(offset, length);
  }

  /**
   * Steps on the next element.
   *
   * @returns false after the last one, when all that the header says has been found true
   * @throws RdbError when the run is damaged
   */
  abstract next(): boolean;

  /** Reads the header: sets `at` and `count`. */
  protected abstract readHeader(offset: number, length: number): void;

  /** Makes `region`, `offset` and `length` the element's text if it is an integer. */
  text(): void {
    if (!this.isInteger) return;
    this.region = this.digits;
    this.offset = 0;
    this.length = formatInt64(this.digits, 0, this.high, this.low);
  }

  /** The integer as a number: exact up to 2^53. */
  get value(): number {
    return int64ToNumber(this.high, this.low);
  }

  protected setString(offset: number, length: number): void {
    this.isInteger = false;
    this.region = this.source;
    this.offset = offset;
    this.length = length;
  }

  /** An integer of up to 32 bits. */
  protected setInteger(value: number): void {
    this.isInteger = true;
    this.low = value;
    this.high = value >> 31;
  }

  protected setInteger64(offset: number): void {
    this.isInteger = true;
    this.low = this.source.view.getInt32(offset, true);
    this.high = this.source.view.getInt32(offset + 4, true);
  }

  protected int24(offset: number): number {
    const bytes = this.source.bytes;
    return ((bytes[offset]! << 8) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 24)) >> 8;
  }

  protected damaged(what: string): never {
    throw new RdbError(`Damaged ${this.name}: ${what}`);
  }
}
