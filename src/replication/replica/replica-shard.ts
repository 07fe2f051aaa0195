/**
 * One shard of the primary as a flow of the replica receives it: its state and its pending bytes.
 */
import { copyBytes, Region } from '../../base/region.js';

const SMALL_BYTES = 64 * 1024;

/** State of one shard, and bytes that wait for a transaction or for the rest of a record. */
export class ReplicaShard {
  /** Whether a CLEAR began it, or it continues. */
  begun = false;
  done = false;
  waiting = false;
  /** The stream was received up to here. */
  received = 0;
  /** Type of the unfinished payload (MORE), 0 when there is none. */
  partial = 0;
  region = new Region(new SharedArrayBuffer(64), 0);
  start = 0;
  end = 0;

  constructor(readonly shard: number) {}

  append(source: Region, offset: number, length: number): void {
    if (this.start === this.end) {
      this.start = 0;
      this.end = 0;
    }
    if (this.end + length > this.region.length) this.grow(length);
    copyBytes(this.region, this.end, source, offset, length);
    this.end += length;
  }

  private grow(length: number): void {
    const used = this.end - this.start;
    let region = this.region;
    if (used + length > region.length) {
      let size = SMALL_BYTES;
      while (size < used + length) size = size < 1 << 26 ? size * 2 : size + (1 << 26);
      region = new Region(new SharedArrayBuffer(size), 0);
    }
    copyBytes(region, 0, this.region, this.start, used);
    this.region = region;
    this.start = 0;
    this.end = used;
  }

  emptied(): void {
    this.start = 0;
    this.end = 0;
    if (this.region.length > SMALL_BYTES * 4) {
      this.region = new Region(new SharedArrayBuffer(64), 0);
    }
  }
}
