/**
 * Hashes of long keys, kept as long as one client's command is under way. A key of 512 MiB takes
 * seconds to hash. A command is tried again when a shard was taken, and EXEC needs the keys of its
 * queue twice: to lock their shards, and to run.
 *
 *     begin ─▶ hash ... ─▶ end ─┬─ the command has ended: forgotten
 *                               └─ it is tried again: kept until the same client's next `begin`
 *
 * A hash is found again by where its key lies. So only regions count whose bytes stay as they are
 * while the command is under way: the one that the command lies in, and its client's queue.
 */
import type { ArgumentVector } from '../base/arguments.js';
import type { Region } from '../base/region.js';
import type { HashState } from '../structures/hash.js';
import type { KeyHash } from './key-hash.js';

/** Keys up to this length are hashed in less than a few microseconds. */
export const LONG_KEY_BYTES = 1024;
/** More long keys of one command than these are hashed each time. */
const KEPT_MAX = 64;

interface LongKey {
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
  readonly h1: number;
  readonly h2: number;
  readonly shardHash: number;
}

export class LongKeyHashes {
  /** Whether a command is under way that may have long keys. */
  isOpen = false;
  private readonly kept: LongKey[] = [];
  private epoch = 0;
  /** Whose command is tried again with what is kept, and where that command lies. */
  private owner: object | null = null;
  private command: Region | null = null;
  private commandOffset = 0;
  private queue: Region | null = null;

  constructor(private readonly keyHash: KeyHash) {}

  /** A client's command begins, or is tried again. @param queue where its transaction lies */
  begin(client: object, args: ArgumentVector, queue: Region | null): void {
    const offset = args.offset[0]!;
    const isSame = this.command === args.region && this.commandOffset === offset;
    if (this.owner !== client || !isSame) this.kept.length = 0;
    this.owner = null;
    this.command = args.region;
    this.commandOffset = offset;
    this.queue = queue;
    this.isOpen = true;
  }

  /** @param triesAgain the client's next command is this one again */
  end(client: object, triesAgain: boolean): void {
    this.isOpen = false;
    if (triesAgain) {
      this.owner = client;
      return;
    }
    this.kept.length = 0;
    this.command = null;
    this.queue = null;
  }

  /** As KeyHash.hash. */
  hash(out: HashState, region: Region, offset: number, length: number): number {
    const { keyHash, kept } = this;
    if (!this.isOpen || (region !== this.command && region !== this.queue)) {
      return keyHash.hash(out, region, offset, length);
    }
    if (this.epoch !== keyHash.epoch) kept.length = 0;
    this.epoch = keyHash.epoch;
    for (const key of kept) {
      if (key.region !== region || key.offset !== offset || key.length !== length) continue;
      out.h1 = key.h1;
      out.h2 = key.h2;
      return key.shardHash;
    }
    const shardHash = keyHash.hash(out, region, offset, length);
    const { h1, h2 } = out;
    if (kept.length < KEPT_MAX) kept.push({ region, offset, length, h1, h2, shardHash });
    return shardHash;
  }
}
