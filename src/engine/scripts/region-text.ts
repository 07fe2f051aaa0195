/**
 * Bytes of regions as strings of one character per byte, and back. Scripts work on strings, so this is
 * on the path of each of their commands: it keeps a view of the region last used, and writes short
 * strings without a call of native code.
 */
import type { Region } from '../../base/region.js';

/** Up to here a loop is faster than a call of native code. */
const SHORT_BYTES = 24;

export class RegionText {
  private region: Region | null = null;
  private buffer: Buffer<ArrayBufferLike> = Buffer.alloc(0);

  /** What follows is about this region. */
  aim(region: Region): void {
    if (region === this.region) return;
    this.region = region;
    const { bytes } = region;
    this.buffer = Buffer.from(region.buffer, bytes.byteOffset, bytes.length);
  }

  slice(begin: number, end: number): string {
    if (end - begin > SHORT_BYTES) return this.buffer.toString('latin1', begin, end);
    const { buffer } = this;
    let text = '';
    for (let i = begin; i < end; i++) text += String.fromCharCode(buffer[i]!);
    return text;
  }

  write(text: string, at: number): void {
    if (text.length > SHORT_BYTES) {
      this.buffer.write(text, at, 'latin1');
      return;
    }
    const { buffer } = this;
    for (let i = 0; i < text.length; i++) buffer[at + i] = text.charCodeAt(i);
  }

  /** Forgets the region, so that its memory can be given back. */
  release(): void {
    this.region = null;
    this.buffer = Buffer.alloc(0);
  }
}
