/**
 * Reading listpacks.
 *
 *     bytes: u32 | count: u16 | entry ... | 255          (little-endian; count 65535: not known)
 *     entry: encoding and data | length of these, backwards
 *
 *     0nnnnnnn                    an integer of 7 bits, not negative
 *     10llllll                    a string of up to 63 bytes
 *     110nnnnn n(8)               an integer of 13 bits, signed
 *     1110llll l(8)               a string of up to 4095 bytes
 *     11110000 l(32)              a string of up to 4 GiB
 *     11110001 to 11110100        an integer of 16, 24, 32, 64 bits
 */
import { PackedCursor } from './cursor.js';

export const LISTPACK_HEADER_BYTES = 6;
export const LISTPACK_END = 255;
export const COUNT_UNKNOWN = 65535;

/** Bytes that the backwards length of an entry of `bytes` bytes takes. */
export function backwardsBytes(bytes: number): number {
  if (bytes <= 127) return 1;
  if (bytes < 16383) return 2;
  if (bytes < 2097151) return 3;
  return bytes < 268435455 ? 4 : 5;
}

export class ListpackCursor extends PackedCursor {
  readonly name = 'listpack';

  protected readHeader(offset: number, length: number): void {
    if (length < LISTPACK_HEADER_BYTES + 1) this.damaged('too short');
    const view = this.source.view;
    if (view.getUint32(offset, true) !== length) this.damaged('its length is not what it says');
    if (this.source.bytes[this.end - 1] !== LISTPACK_END) this.damaged('no end mark');
    const count = view.getUint16(offset + 4, true);
    this.count = count === COUNT_UNKNOWN ? -1 : count;
    this.at = offset + LISTPACK_HEADER_BYTES;
  }

  next(): boolean {
    const bytes = this.source.bytes;
    const start = this.at;
    const first = bytes[start]!;
    if (start === this.end - 1) return this.finish(first);
    let size = 1;
    if (first < 0x80) {
      this.setInteger(first);
    } else if (first < 0xc0) {
      size = this.string(start + 1, 1, first & 63);
    } else if (first < 0xe0) {
      this.need(start + 2);
      this.setInteger((((first & 31) << 27) | (bytes[start + 1]! << 19)) >> 19);
      size = 2;
    } else if (first < 0xf0) {
      this.need(start + 2);
      size = this.string(start + 2, 2, ((first & 15) << 8) | bytes[start + 1]!);
    } else {
      size = this.large(first, start);
    }
    this.checkBackwards(start + size, size);
    this.at = start + size + backwardsBytes(size);
    this.index++;
    return true;
  }

  private large(first: number, start: number): number {
    const view = this.source.view;
    if (first > 0xf4) this.damaged(`no such encoding, ${first}`);
    this.need(start + (first === 0xf4 ? 9 : first === 0xf1 ? 3 : first === 0xf2 ? 4 : 5));
    switch (first) {
      case 0xf0:
        return this.string(start + 5, 5, view.getUint32(start + 1, true));
      case 0xf1:
        this.setInteger(view.getInt16(start + 1, true));
        return 3;
      case 0xf2:
        this.setInteger(this.int24(start + 1));
        return 4;
      case 0xf3:
        this.setInteger(view.getInt32(start + 1, true));
        return 5;
      default:
        this.setInteger64(start + 1);
        return 9;
    }
  }

  private string(offset: number, headerBytes: number, length: number): number {
    this.need(offset + length);
    this.setString(offset, length);
    return headerBytes + length;
  }

  /** The end mark takes the last byte, so that an entry must end before it. */
  private need(end: number): void {
    if (end > this.end - 1) this.damaged(`element ${this.index} passes its end`);
  }

  /** Seven bits a byte; the last byte is the lowest part, all but the first have the top bit set. */
  private checkBackwards(offset: number, size: number): void {
    const count = backwardsBytes(size);
    this.need(offset + count);
    const bytes = this.source.bytes;
    let rest = size;
    for (let at = offset + count - 1; at >= offset; at--) {
      const mark = at === offset ? 0 : 128;
      if (bytes[at] !== ((rest & 127) | mark)) {
        this.damaged(`element ${this.index} has a wrong backwards length`);
      }
      rest >>>= 7;
    }
  }

  private finish(last: number): boolean {
    if (last !== LISTPACK_END) this.damaged('no end mark');
    if (this.count >= 0 && this.count !== this.index) {
      this.damaged(`${this.index} elements, its header says ${this.count}`);
    }
    return false;
  }
}
