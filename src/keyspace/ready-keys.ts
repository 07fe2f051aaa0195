/**
 * Keys that came to be, or changed, while clients wait for them: noted by the door for writes, served
 * by the engine when the command or transaction is over and its shards are still locked.
 */
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';

const INITIAL_BYTES = 4096;
const KEPT_BYTES = 1 << 16;

export class ReadyKeys {
  count = 0;
  readonly shard: number[] = [];
  readonly database: number[] = [];
  readonly h1: number[] = [];
  readonly h2: number[] = [];
  readonly offset: number[] = [];
  readonly length: number[] = [];
  /** The bytes of the keys. It may be another one after `add`. */
  region = newRegion(INITIAL_BYTES);
  private used = 0;

  /** Notes a key, unless it was the last one noted. */
  add(shard: number, database: number, h1: number, h2: number, key: KeyBytes): void {
    const last = this.count - 1;
    const isSame = last >= 0 && this.h1[last] === h1 && this.h2[last] === h2;
    if (isSame && this.shard[last] === shard && this.database[last] === database) return;
    const { keyRegion, keyOffset, keyLength } = key;
    this.region = withRoom(this.region, this.used, this.used + keyLength);
    copyBytes(this.region, this.used, keyRegion, keyOffset, keyLength);
    const index = this.count++;
    this.shard[index] = shard;
    this.database[index] = database;
    this.h1[index] = h1;
    this.h2[index] = h2;
    this.offset[index] = this.used;
    this.length[index] = keyLength;
    this.used += keyLength;
  }

  clear(): void {
    this.count = 0;
    this.used = 0;
    if (this.region.length <= KEPT_BYTES) return;
    giveBack(this.region);
    this.region = newRegion(INITIAL_BYTES);
  }
}

/** Where the bytes of a key lie. */
export interface KeyBytes {
  readonly keyRegion: Region;
  readonly keyOffset: number;
  readonly keyLength: number;
}
