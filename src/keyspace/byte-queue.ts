/** Bytes appended one after the other, to be read and forgotten as a whole. It grows as needed. */
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';

const INITIAL_BYTES = 1024;
/** A region grown beyond this is not kept. */
const KEPT_BYTES = 1 << 16;

export class ByteQueue {
  /** It may be another one after a call that appends. */
  region = newRegion(INITIAL_BYTES);
  used = 0;

  append(source: Region, offset: number, length: number): void {
    this.reserve(length);
    copyBytes(this.region, this.used, source, offset, length);
    this.used += length;
  }

  /** 32 bits, little-endian, without alignment. */
  appendWord(value: number): void {
    this.reserve(4);
    this.region.view.setInt32(this.used, value, true);
    this.used += 4;
  }

  appendNumber(value: number): void {
    this.reserve(8);
    this.region.view.setFloat64(this.used, value, true);
    this.used += 8;
  }

  private reserve(bytes: number): void {
    const needed = this.used + bytes;
    if (needed > this.region.length) this.region = withRoom(this.region, this.used, needed);
  }

  clear(): void {
    this.used = 0;
    if (this.region.length <= KEPT_BYTES) return;
    giveBack(this.region);
    this.region = newRegion(INITIAL_BYTES);
  }
}
