/** Builds a listpack (listpack.ts has the layout), in memory of its own that is reused. */
import { withRoom } from '../../../base/owned-region.js';
import { copyBytes, type Region } from '../../../base/region.js';
import {
  INTEGER_BIG,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../../protocol/numbers.js';
import { newRegion } from '../input.js';
import { writeInt64 } from '../integers.js';
import { backwardsBytes, COUNT_UNKNOWN, LISTPACK_END, LISTPACK_HEADER_BYTES } from './listpack.js';

const BYTES = 16 * 1024;
/** An entry's encoding and backwards length take at most so many bytes. */
export const ENTRY_OVERHEAD_BYTES = 10;
/** The longest text of an integer of 64 bits. */
const INTEGER_TEXT_BYTES_MAX = 20;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

export class ListpackWriter {
  region: Region = newRegion(BYTES);
  count = 0;
  private used = LISTPACK_HEADER_BYTES;
  private readonly parsed = new ParsedInteger();

  /** Bytes of the listpack with its end. */
  get length(): number {
    return this.used + 1;
  }

  clear(): void {
    this.count = 0;
    this.used = LISTPACK_HEADER_BYTES;
    if (this.region.length > 64 * BYTES) this.region = newRegion(BYTES);
  }

  /** Adds a string; the text of an integer becomes an integer. */
  add(region: Region, offset: number, length: number): void {
    this.region = withRoom(this.region, this.used, this.used + length + ENTRY_OVERHEAD_BYTES + 1);
    if (length <= INTEGER_TEXT_BYTES_MAX) {
      const form = parseInteger(region, offset, length, this.parsed);
      if (form === INTEGER_BIG) {
        this.region.view.setBigInt64(this.used + 1, this.parsed.big, true);
        this.end(this.mark(0xf4, 8));
        return;
      }
      if (form !== NOT_AN_INTEGER) {
        this.integer(this.parsed.value);
        return;
      }
    }
    this.string(region, offset, length);
  }

  /** Adds a safe integer. */
  addInteger(value: number): void {
    this.region = withRoom(this.region, this.used, this.used + 9 + ENTRY_OVERHEAD_BYTES + 1);
    this.integer(value);
  }

  /** Adds the signed integer of 64 bits. */
  addBigInteger(value: bigint): void {
    const signed = BigInt.asIntN(64, value);
    if (signed >= -MAX_SAFE && signed <= MAX_SAFE) {
      this.addInteger(Number(signed));
      return;
    }
    this.region = withRoom(this.region, this.used, this.used + 9 + ENTRY_OVERHEAD_BYTES + 1);
    this.region.view.setBigInt64(this.used + 1, signed, true);
    this.end(this.mark(0xf4, 8));
  }

  /** Writes header and end: `region` from 0 on, `length` bytes, is the listpack. */
  finish(): void {
    const { view } = this.region;
    view.setUint32(0, this.length, true);
    view.setUint16(4, Math.min(this.count, COUNT_UNKNOWN), true);
    view.setUint8(this.used, LISTPACK_END);
  }

  private integer(value: number): void {
    const at = this.used;
    const { view } = this.region;
    if (value >= 0 && value < 128) {
      view.setUint8(at, value);
      this.end(1);
    } else if (value >= -4096 && value < 4096) {
      view.setUint16(at, 0xc000 | (value & 0x1fff), false);
      this.end(2);
    } else if (value >= -0x8000 && value < 0x8000) {
      view.setInt16(at + 1, value, true);
      this.end(this.mark(0xf1, 2));
    } else if (value >= -0x80_0000 && value < 0x80_0000) {
      view.setInt16(at + 1, value & 0xffff, true);
      view.setInt8(at + 3, value >> 16);
      this.end(this.mark(0xf2, 3));
    } else if (value >= -0x8000_0000 && value < 0x8000_0000) {
      view.setInt32(at + 1, value, true);
      this.end(this.mark(0xf3, 4));
    } else {
      writeInt64(view, at + 1, value);
      this.end(this.mark(0xf4, 8));
    }
  }

  private mark(encoding: number, bytes: number): number {
    this.region.bytes[this.used] = encoding;
    return 1 + bytes;
  }

  private string(region: Region, offset: number, length: number): void {
    const at = this.used;
    const { view } = this.region;
    let header = 1;
    if (length < 64) {
      view.setUint8(at, 0x80 | length);
    } else if (length < 4096) {
      view.setUint16(at, 0xe000 | length, false);
      header = 2;
    } else {
      view.setUint8(at, 0xf0);
      view.setUint32(at + 1, length, true);
      header = 5;
    }
    copyBytes(this.region, at + header, region, offset, length);
    this.end(header + length);
  }

  /** Ends an entry of `size` bytes at `used` with its backwards length. */
  private end(size: number): void {
    const bytes = this.region.bytes;
    const start = this.used + size;
    const count = backwardsBytes(size);
    let rest = size;
    for (let at = start + count - 1; at > start; at--) {
      bytes[at] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[start] = rest;
    this.used = start + count;
    this.count++;
  }
}
