/**
 * Byte strings one after the other in a region, to be compared with arguments without allocating:
 * key patterns, channels, first arguments.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import { Region } from '../../base/region.js';
import { matchGlob } from '../../protocol/glob.js';

export class PackedTexts {
  readonly region: Region;
  readonly count: number;
  private readonly offsets: Int32Array;

  constructor(texts: readonly string[]) {
    this.count = texts.length;
    this.offsets = new Int32Array(texts.length + 1);
    const bytes = Buffer.from(texts.join(''), 'latin1');
    this.region = new Region(new SharedArrayBuffer((bytes.length + 8) & ~7), 0);
    this.region.bytes.set(bytes);
    texts.forEach((text, i) => {
      this.offsets[i + 1] = this.offsets[i]! + text.length;
    });
  }

  matches(i: number, region: Region, offset: number, length: number): boolean {
    const start = this.offsets[i]!;
    const width = this.offsets[i + 1]! - start;
    return matchGlob(this.region, start, width, region, offset, length, false);
  }

  equals(i: number, args: ArgumentVector, index: number, ignoreCase: boolean): boolean {
    const start = this.offsets[i]!;
    const length = this.offsets[i + 1]! - start;
    if (args.length[index] !== length) return false;
    const offset = args.offset[index]!;
    for (let at = 0; at < length; at++) {
      const mine = this.region.bytes[start + at]!;
      const other = args.region.bytes[offset + at]!;
      if (mine !== other && !(ignoreCase && lower(mine) === lower(other))) return false;
    }
    return true;
  }
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte | 32 : byte;
}
