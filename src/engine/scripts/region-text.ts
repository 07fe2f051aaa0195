/**
 * Bytes of regions as strings of one character per byte, and back. Scripts work on strings, so this is
 * on the path of each of their commands: it keeps a view of the region last used, knows short strings
 * that it made before, and writes short ones without a call of native code.
 */
import type { Region } from '../../base/region.js';
import { CACHED_BYTES_MAX, StringCache } from './string-cache.js';

/** Up to here a loop is faster than a call of native code. */
const SHORT_BYTES = 24;
/** One for the thread: what a reply has is the next command's argument. */
const strings = new StringCache();

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
    const length = end - begin;
    if (length > CACHED_BYTES_MAX) return this.buffer.toString('latin1', begin, end);
    return length === 0 ? '' : strings.get(this.buffer, begin, end);
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
