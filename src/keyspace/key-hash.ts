/**
 * The hash of keys and the shards that follow from it, as one thread computes them. A key is hashed
 * once; no two of its uses share bits:
 *
 *       31               16 15                0
 *   h1  | directory, bucket, order of SCAN     |
 *   h2  | shard            | fingerprint       |
 *
 * The *shard hash* of a key has 16 bits, and the shard is as many of its low bits as the number of
 * shards needs. So a shard of a server with few shards holds exactly the keys of several shards of a
 * server with more.
 *
 *   without a hash tag   the top half of h2: all shards
 *   with a hash tag      15        log2(spread)         0
 *                        | the tag's   | the key's       |      the low bits of either top half
 *
 * The tag chooses a group of `spread` shards, the key one of the group. So the keys of one tag have
 * room for more than a shard, and not all of them wait for one lock. With a spread of 1 a tag's keys
 * lie together.
 *
 * Key and spread belong to the data set and lie in each shard's header. A full sync replaces them,
 * under the locks of all shards, and begins a new epoch. This copy is what the thread saw under the
 * lock that it took last (shards.ts). Whoever hashes a key before it has a lock compares the epoch
 * before and after: when it changed, hash and shard are stale.
 */
import type { Region } from '../base/region.js';
import type { HashKey, Space } from '../memory/space.js';
import { HashState, hashBytes } from '../structures/hash.js';
import { findTag, HashTag } from './hash-tag.js';

/** Each spread leaves the tag some bits. */
export const SHARD_SPREAD_MAX = 1024;
const SHARD_HASH_MASK = 0xffff;

export class KeyHash implements HashKey {
  key0 = 0;
  key1 = 0;
  /** Shards that keys with one hash tag lie in: a power of two. */
  spread = 1;
  /** Which key and spread these are: a number that differs from all before. */
  epoch = 0;
  private readonly tag = new HashTag();
  private readonly tagHash = new HashState();

  constructor(space: Space) {
    this.read(space);
  }

  /** Takes key and spread from a shard's header: under its lock, or to compare the epoch later. */
  read(space: Space): void {
    this.epoch = space.loadHashEpoch();
    this.key0 = space.hashKey0;
    this.key1 = space.hashKey1;
    this.spread = space.hashSpread;
  }

  /** Hashes a key. @returns its shard hash */
  hash(out: HashState, region: Region, offset: number, length: number): number {
    hashBytes(out, region, offset, length, this.key0, this.key1);
    return this.shardHash(out, region, offset, length);
  }

  /** The shard hash of a key that was hashed. */
  shardHash(hashed: HashState, region: Region, offset: number, length: number): number {
    const keyBits = hashed.h2 >>> 16;
    return hashed.braces === 0 ? keyBits : this.taggedShardHash(keyBits, region, offset, length);
  }

  private taggedShardHash(keyBits: number, region: Region, offset: number, length: number): number {
    const { tag, tagHash, spread } = this;
    if (!findTag(region.bytes, offset, length, tag)) return keyBits;
    hashBytes(tagHash, region, tag.offset, tag.length, this.key0, this.key1);
    const tagBits = tagHash.h2 >>> 16;
    return ((tagBits * spread) | (keyBits & (spread - 1))) & SHARD_HASH_MASK;
  }
}
