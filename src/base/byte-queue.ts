/**
 * Bytes appended one after the other, to be read and forgotten as a whole. The region grows as needed,
 * and is given back when it has grown large: see owned-region.ts.
 */
import { giveBack, newRegion, withRoom } from './owned-region.js';
import { copyBytes, type Region } from './region.js';

const INITIAL_BYTES = 1024;
const KEPT_BYTES = 1 << 16;

export class ByteQueue {
  /** It may be another one after a call that appends. */
  region: Region;
  used = 0;

  /** @param keptBytes a region grown beyond this is not kept by `clear` */
  constructor(
    private readonly initialBytes = INITIAL_BYTES,
    private readonly keptBytes = KEPT_BYTES,
  ) {
    this.region = newRegion(initialBytes);
  }

  append(source: Region, offset: number, length: number): void {
    this.reserve(length);
    copyBytes(this.region, this.used, source, offset, length);
    this.used += length;
  }

  /** One byte a char. */
  appendText(text: string): void {
    this.reserve(text.length);
    const { region, used } = this;
    for (let i = 0; i < text.length; i++) region.bytes[used + i] = text.charCodeAt(i);
    this.used = used + text.length;
  }

  /** 32 bits, little-endian, without alignment. */
  appendWord(value: number): void {
    this.reserve(4);
    this.region.view.setInt32(this.used, value, true);
    this.used += 4;
  }

  /** A double of 64 bits, little-endian, without alignment. */
  appendNumber(value: number): void {
    this.reserve(8);
    this.region.view.setFloat64(this.used, value, true);
    this.used += 8;
  }

  /** Makes room for so many bytes behind those in use. */
  reserve(bytes: number): void {
    this.region = withRoom(this.region, this.used, this.used + bytes);
  }

  clear(): void {
    this.used = 0;
    if (this.region.length <= this.keptBytes) return;
    giveBack(this.region);
    this.region = newRegion(this.initialBytes);
  }
}
