/**
 * Reading ziplists, the packed encoding before listpacks (Redis up to 6.2).
 *
 *     bytes: u32 | tail: u32 | count: u16 | entry ... | 255    (little-endian; 65535: not known)
 *     entry: bytes of the entry before | encoding and data
 *
 * The length of the entry before takes one byte, or 254 and four bytes, little-endian.
 *
 *     00llllll                    a string of up to 63 bytes
 *     01llllll l(8)               a string of up to 16383 bytes
 *     10------ l(32)              a string, its length big-endian
 *     11000000 11010000 11100000  an integer of 16, 32, 64 bits
 *     11110000 11111110           an integer of 24, 8 bits
 *     1111nnnn                    n - 1: 0 to 12
 */
import { PackedCursor } from './cursor.js';
import { COUNT_UNKNOWN } from './listpack.js';

const HEADER_BYTES = 10;
const END = 255;
const LONG_LENGTH = 254;

export class ZiplistCursor extends PackedCursor {
  readonly name = 'ziplist';
  private start = 0;
  /** Where the entry stepped on last begins. */
  private lastEntry = 0;

  protected readHeader(offset: number, length: number): void {
    if (length < HEADER_BYTES + 1) this.damaged('too short');
    const view = this.source.view;
    if (view.getUint32(offset, true) !== length) this.damaged('its length is not what it says');
    if (this.source.bytes[this.end - 1] !== END) this.damaged('no end mark');
    const count = view.getUint16(offset + 8, true);
    this.count = count === COUNT_UNKNOWN ? -1 : count;
    this.start = offset;
    this.at = offset + HEADER_BYTES;
    this.lastEntry = this.at;
  }

  next(): boolean {
    const start = this.at;
    if (start === this.end - 1) return this.finish();
    let at = start + 1;
    let before = this.source.bytes[start]!;
    if (before === END) this.damaged('an end mark before its end');
    if (before === LONG_LENGTH) {
      this.need(at + 4);
      before = this.source.view.getUint32(at, true);
      at += 4;
    }
    if (before !== start - this.lastEntry) {
      this.damaged(`element ${this.index} tells a wrong length of the one before`);
    }
    this.need(at + 1);
    this.at = this.readData(at);
    this.lastEntry = start;
    this.index++;
    return true;
  }

  /** Reads the data at `at`; returns the place after them. */
  private readData(at: number): number {
    const bytes = this.source.bytes;
    const encoding = bytes[at]!;
    if (encoding < 0x40) return this.string(at + 1, encoding);
    if (encoding < 0x80) {
      this.need(at + 2);
      return this.string(at + 2, ((encoding & 63) << 8) | bytes[at + 1]!);
    }
    if (encoding < 0xc0) {
      this.need(at + 5);
      return this.string(at + 5, this.source.view.getUint32(at + 1, false));
    }
    return this.integer(at + 1, encoding);
  }

  private integer(at: number, encoding: number): number {
    if (encoding > 0xf0 && encoding < 0xfe) {
      this.setInteger((encoding & 15) - 1);
      return at;
    }
    const size = integerBytes(encoding);
    if (size === 0) this.damaged(`no such encoding, ${encoding}`);
    this.need(at + size);
    const view = this.source.view;
    if (size === 1) this.setInteger(view.getInt8(at));
    else if (size === 2) this.setInteger(view.getInt16(at, true));
    else if (size === 3) this.setInteger(this.int24(at));
    else if (size === 4) this.setInteger(view.getInt32(at, true));
    else this.setInteger64(at);
    return at + size;
  }

  private string(offset: number, length: number): number {
    this.need(offset + length);
    this.setString(offset, length);
    return offset + length;
  }

  private need(end: number): void {
    if (end > this.end - 1) this.damaged(`element ${this.index} passes its end`);
  }

  private finish(): boolean {
    if (this.source.view.getUint32(this.start + 4, true) !== this.lastEntry - this.start) {
      this.damaged('its tail is not its last element');
    }
    if (this.count >= 0 && this.count !== this.index) {
      this.damaged(`${this.index} elements, its header says ${this.count}`);
    }
    return false;
  }
}

function integerBytes(encoding: number): number {
  switch (encoding) {
    case 0xfe:
      return 1;
    case 0xc0:
      return 2;
    case 0xf0:
      return 3;
    case 0xd0:
      return 4;
    case 0xe0:
      return 8;
    default:
      return 0;
  }
}
