/**
 * Effects: what a write did, as a deterministic command vector on one key, in the form the journal
 * keeps and a replica replays through its ordinary dispatcher. A builder assembles the vector in a
 * region of its own and hands it to the sink; without a sink (no replica, no journal) every call
 * returns at once.
 *
 * Layout of a vector: count as u32 LE, then for each argument its length as u32 LE and its bytes.
 */

import type { ArgumentVector } from '../base/arguments.js';
import { copyBytes, Region, withRoom } from '../base/region.js';
import { HashState, hashBytes } from '../structures/hash.js';

/** One effect on its way to the sink. */
export interface Effect {
  shard: number;
  database: number;
  /** Hash position of the key; 0 for an effect without a key. */
  h1: number;
  /** FLUSHDB and SWAPDB, which concern the shard's databases. */
  keyless: boolean;
  /** The vector: `length` bytes at `offset`. */
  region: Region;
  offset: number;
  length: number;
}

export interface EffectSink {
  /**
   * Takes one effect. The object and the vector's bytes are only valid during the call. The calling
   * thread holds the shard's lock.
   */
  append(effect: Effect): void;
  /** The effects from here to `endTransaction` belong together; their shards are all locked. */
  beginTransaction?(): void;
  endTransaction?(): void;
  /**
   * These shards, and those of the open transaction, have changes without an effect: a command
   * failed half way. The caller holds their locks. Ends the transaction.
   */
  lost?(shards: readonly number[]): void;
}

/** What an effect's key is hashed with: Shards is one. */
export interface HashKey {
  readonly hashKey0: number;
  readonly hashKey1: number;
}

/** Bytes of a vector before its arguments. */
export const VECTOR_HEADER_BYTES = 4;
const INITIAL_BYTES = 4096;
/** A region that has grown beyond this is not kept after its effect. */
const KEPT_BYTES = 1 << 20;

function newRegion(): Region {
  return new Region(new SharedArrayBuffer(INITIAL_BYTES), 0);
}

export class EffectBuilder {
  sink: EffectSink | null = null;
  private region = newRegion();
  private position = 0;
  private count = 0;
  private keyless = false;
  /** The argument that is the key. */
  private keyIndex = 1;
  private keyOffset = 0;
  private keyLength = 0;
  private readonly hash = new HashState();
  private readonly effect: Effect = {
    shard: 0,
    database: 0,
    h1: 0,
    keyless: false,
    region: this.region,
    offset: 0,
    length: 0,
  };

  constructor(private readonly hashKey: HashKey) {}

  get active(): boolean {
    return this.sink !== null;
  }

  /**
   * Begins a vector with the command's name (upper-case ASCII). Its first argument is the key, but
   * for FLUSHDB and SWAPDB, which have none.
   */
  begin(name: string): this {
    if (this.sink === null) return this;
    this.reset(1);
    this.keyless = name === 'FLUSHDB' || name === 'SWAPDB';
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
    this.counted(length);
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
    this.counted(ascii.length);
    return this;
  }

  private counted(length: number): void {
    if (this.count === this.keyIndex) {
      this.keyOffset = this.position + 4;
      this.keyLength = length;
    }
    this.position += 4 + length;
    this.count++;
  }

  private reset(keyIndex: number): void {
    this.position = VECTOR_HEADER_BYTES;
    this.count = 0;
    this.keyIndex = keyIndex;
  }

  /** Ends the vector and hands it over. */
  end(shard: number, database: number): void {
    if (this.sink === null) return;
    this.region.view.setUint32(0, this.count, true);
    let h1 = 0;
    if (!this.keyless) {
      if (this.count <= this.keyIndex) throw new Error('an effect without its key');
      const { hash, hashKey } = this;
      const { keyOffset, keyLength, region } = this;
      hashBytes(hash, region, keyOffset, keyLength, hashKey.hashKey0, hashKey.hashKey1);
      h1 = hash.h1;
    }
    const { effect } = this;
    effect.shard = shard;
    effect.database = database;
    effect.h1 = h1;
    effect.keyless = this.keyless;
    effect.region = this.region;
    effect.length = this.position;
    this.sink.append(effect);
    if (this.region.length > KEPT_BYTES) this.region = newRegion();
  }

  /** The effects up to `endTransaction` are one whole; all their shards are locked until then. */
  beginTransaction(): void {
    this.sink?.beginTransaction?.();
  }

  endTransaction(): void {
    this.sink?.endTransaction?.();
  }

  /** Tells the sink that these locked shards have changes without an effect. */
  lost(shards: readonly number[]): void {
    this.sink?.lost?.(shards);
  }

  /** The whole command vector as it came; argument `keyIndex` is its key. */
  verbatim(shard: number, database: number, args: ArgumentVector, keyIndex = 1): void {
    if (this.sink === null) return;
    this.reset(keyIndex);
    this.keyless = false;
    for (let i = 0; i < args.count; i++) this.argument(args, i);
    this.end(shard, database);
  }

  private reserve(length: number): void {
    this.region = withRoom(this.region, this.position, this.position + 4 + length);
  }
}
