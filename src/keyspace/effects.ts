/**
 * Effects: what a write did, as a deterministic command vector on one key, in the form the journal
 * keeps and a replica replays through its ordinary dispatcher. A builder assembles the vector in a
 * region of its own and hands it to the sink; without a sink (no replica, no journal) every call
 * returns at once.
 *
 * Layout of a vector: count as u16 LE, then for each argument its length as u32 LE and its bytes.
 */

import type { ArgumentVector } from '../base/arguments.js';
import { copyBytes, Region } from '../base/region.js';

export interface EffectSink {
  /**
   * Takes one effect on `database` of `shard`; the vector's bytes are only valid during the call.
   * The shard's lock is held by the calling thread.
   */
  append(shard: number, database: number, region: Region, offset: number, length: number): void;
}

const INITIAL_BYTES = 4096;

export class EffectBuilder {
  sink: EffectSink | null = null;
  private region = new Region(new SharedArrayBuffer(INITIAL_BYTES), 0);
  private position = 0;
  private count = 0;

  get active(): boolean {
    return this.sink !== null;
  }

  /** Begins a vector with the command's name (upper-case ASCII). */
  begin(name: string): this {
    if (this.sink === null) return this;
    this.position = 2;
    this.count = 0;
    return this.word(name);
  }

  /** Appends argument `index` of the running command. */
  argument(args: ArgumentVector, index: number): this {
    return this.bytes(args.region, args.offset[index]!, args.length[index]!);
  }

  bytes(source: Region, offset: number, length: number): this {
    if (this.sink === null) return this;
    this.reserve(length);
    this.region.view.setUint32(this.position, length, true);
    copyBytes(this.region, this.position + 4, source, offset, length);
    this.position += 4 + length;
    this.count++;
    return this;
  }

  /** Appends an ASCII word or a number in decimal. */
  word(text: string | number): this {
    if (this.sink === null) return this;
    const ascii = typeof text === 'string' ? text : String(text);
    this.reserve(ascii.length);
    this.region.view.setUint32(this.position, ascii.length, true);
    for (let i = 0; i < ascii.length; i++) {
      this.region.bytes[this.position + 4 + i] = ascii.charCodeAt(i);
    }
    this.position += 4 + ascii.length;
    this.count++;
    return this;
  }

  /** Ends the vector and hands it over. */
  end(shard: number, database: number): void {
    if (this.sink === null) return;
    this.region.view.setUint16(0, this.count, true);
    this.sink.append(shard, database, this.region, 0, this.position);
  }

  /** The whole command vector as it came. */
  verbatim(shard: number, database: number, args: ArgumentVector): void {
    if (this.sink === null) return;
    this.position = 2;
    this.count = 0;
    for (let i = 0; i < args.count; i++) this.argument(args, i);
    this.end(shard, database);
  }

  private reserve(length: number): void {
    const needed = this.position + 4 + length;
    if (needed <= this.region.length) return;
    let size = this.region.length;
    while (size < needed) size *= 2;
    const larger = new Region(new SharedArrayBuffer(size), 0);
    copyBytes(larger, 0, this.region, 0, this.position);
    this.region = larger;
  }
}
