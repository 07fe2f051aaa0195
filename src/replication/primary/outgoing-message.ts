/**
 * A payload on its way out in pieces, each in a block of its own: it is longer than a block, or was
 * not made in place. Nothing else of its shard may come between the pieces.
 */
import { giveBack, newRegion } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import { BLOCK_HEADER_BYTES, BlockHeader, PAYLOAD_BYTES_MAX, sealBlock } from '../wire.js';

/** Pieces are at least this long, except the last one. */
const PIECE_BYTES = 128 * 1024;
/** A larger region is released after use. */
const KEPT_BYTES = 4 << 20;
const DOUBLING_BYTES_MAX = 1 << 24;

/**
 * A region with room for `needed` bytes of a payload: the one given, or a larger one with its first
 * `used` bytes, which it has.
 */
export function messageWithRoom(region: Region, used: number, needed: number): Region {
  if (needed <= region.length) return region;
  let size = region.length;
  while (size < needed)
    size = size < DOUBLING_BYTES_MAX ? size * 2 : needed + (needed >>> 3) + 4096;
  const larger = newRegion(size & ~7);
  copyBytes(larger, 0, region, 0, used);
  giveBack(region);
  return larger;
}

export class OutgoingMessage {
  /** Holds the payload from its start on. */
  region = newRegion(PIECE_BYTES);
  /** Type, shard and LSNs of the blocks. */
  readonly header = new BlockHeader();
  private at = 0;
  private end = 0;

  /** Whether pieces are left to send. */
  get pending(): boolean {
    return this.at < this.end;
  }

  /** Queues the first `length` bytes of the region, with the header as it is. */
  queue(length: number): void {
    this.at = 0;
    this.end = length;
  }

  /** Writes blocks to `out` while there is room for them. @returns the offset after them */
  send(out: Region, offset: number, end: number): number {
    const { header } = this;
    let at = offset;
    while (this.at < this.end) {
      const room = Math.min((end - at - BLOCK_HEADER_BYTES) & ~7, PAYLOAD_BYTES_MAX);
      const left = this.end - this.at;
      if (room < Math.min(left, PIECE_BYTES)) return at;
      header.length = Math.min(room, left);
      header.more = header.length < left;
      copyBytes(out, at + BLOCK_HEADER_BYTES, this.region, this.at, header.length);
      this.at += header.length;
      at = sealBlock(out, at, header);
    }
    if (this.end > KEPT_BYTES) {
      giveBack(this.region);
      this.region = newRegion(PIECE_BYTES);
    }
    this.at = 0;
    this.end = 0;
    return at;
  }
}
