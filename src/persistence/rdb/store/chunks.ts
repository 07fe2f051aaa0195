/**
 * Keys of a file on their way out: gathered in pieces of memory until there are enough of them, always
 * whole keys. A chunk names its database, so that chunks of several threads may stand in any order in
 * a file. Memory is that of a chunk; a value that is larger is in memory as it is written.
 */
import type { Region } from '../../../base/region.js';

/** A chunk is written out when it has so many bytes. */
export const CHUNK_BYTES = 1024 * 1024;
const PIECE_BYTES = 256 * 1024;
/** Pieces that are kept for the next chunk. */
const PIECES_KEPT = CHUNK_BYTES / PIECE_BYTES + 1;

export class Chunk {
  bytes = 0;
  private pieces: Uint8Array[] = [];
  /** Bytes in the last one of the pieces in use, and how many are in use. */
  private filled = PIECE_BYTES;
  private used = 0;

  append(region: Region, offset: number, length: number): void {
    for (let at = 0; at < length; ) {
      if (this.filled === PIECE_BYTES) this.open();
      const part = Math.min(length - at, PIECE_BYTES - this.filled);
      const from = offset + at;
      this.pieces[this.used - 1]!.set(region.bytes.subarray(from, from + part), this.filled);
      this.filled += part;
      at += part;
    }
    this.bytes += length;
  }

  private open(): void {
    if (this.used === this.pieces.length) this.pieces.push(new Uint8Array(PIECE_BYTES));
    this.used++;
    this.filled = 0;
  }

  /** What is in it. */
  *parts(): Generator<Uint8Array> {
    for (let i = 0; i < this.used; i++) {
      const isLast = i === this.used - 1;
      yield isLast ? this.pieces[i]!.subarray(0, this.filled) : this.pieces[i]!;
    }
  }

  clear(): void {
    this.bytes = 0;
    this.used = 0;
    this.filled = PIECE_BYTES;
    if (this.pieces.length > PIECES_KEPT) this.pieces = this.pieces.slice(0, PIECES_KEPT);
  }
}
