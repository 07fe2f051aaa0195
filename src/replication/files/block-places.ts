/**
 * Where the blocks of each stream lie in a file of a flow, noted while the file is written: who reads it
 * again may do so stream by stream. Neighbours are one place, so a shard of 64 KiB frames takes 16 bytes
 * for each run of frames that nothing came between; at most 16 bytes a block.
 */
import type { Region } from '../../base/region.js';
import { blockBytes } from '../wire.js';

export interface BlockPlace {
  readonly offset: number;
  readonly bytes: number;
}

export class BlockPlaces {
  /** By stream: offset and length of each place, in turn. */
  private readonly places: (number[] | undefined)[] = [];

  /**
   * Notes the whole blocks from `from` to `end` of a region.
   * @param fileOffset where the first of them is written
   */
  note(region: Region, from: number, end: number, fileOffset: number): void {
    const { words } = region;
    for (let at = from; at < end; ) {
      const bytes = blockBytes(words[(at + 8) >> 2]!);
      this.add(words[(at + 4) >> 2]! >>> 16, fileOffset + at - from, bytes);
      at += bytes;
    }
  }

  private add(stream: number, offset: number, bytes: number): void {
    this.places[stream] ??= [];
    const list = this.places[stream];
    const last = list.length - 2;
    if (last >= 0 && list[last]! + list[last + 1]! === offset) list[last + 1]! += bytes;
    else list.push(offset, bytes);
  }

  /** In the order of the file. */
  *of(stream: number): Generator<BlockPlace> {
    const list = this.places[stream] ?? [];
    for (let i = 0; i < list.length; i += 2) yield { offset: list[i]!, bytes: list[i + 1]! };
  }
}
