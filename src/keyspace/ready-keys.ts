/**
 * Keys that came to be, or changed, while clients wait for them: noted by the door for writes, served
 * by the engine when the command or transaction is over and its shards are still locked.
 */
import { ByteQueue } from '../base/byte-queue.js';
import type { Region } from '../base/region.js';

export class ReadyKeys {
  count = 0;
  readonly shard: number[] = [];
  readonly database: number[] = [];
  readonly h1: number[] = [];
  readonly h2: number[] = [];
  readonly offset: number[] = [];
  readonly length: number[] = [];
  private readonly keys = new ByteQueue();

  /** The bytes of the keys. It may be another one after `add`. */
  get region(): Region {
    return this.keys.region;
  }

  /** Notes a key, unless it was the last one noted. */
  add(shard: number, database: number, h1: number, h2: number, key: KeyBytes): void {
    const last = this.count - 1;
    const isSame = last >= 0 && this.h1[last] === h1 && this.h2[last] === h2;
    if (isSame && this.shard[last] === shard && this.database[last] === database) return;
    const index = this.count++;
    this.shard[index] = shard;
    this.database[index] = database;
    this.h1[index] = h1;
    this.h2[index] = h2;
    this.offset[index] = this.keys.used;
    this.length[index] = key.keyLength;
    this.keys.append(key.keyRegion, key.keyOffset, key.keyLength);
  }

  clear(): void {
    this.count = 0;
    this.keys.clear();
  }
}

/** Where the bytes of a key lie. */
export interface KeyBytes {
  readonly keyRegion: Region;
  readonly keyOffset: number;
  readonly keyLength: number;
}
