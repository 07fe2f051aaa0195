/**
 * The shards of this process, as one thread sees them: each a shared address space with its lock
 * and the roots of its databases' tables in its header (shard-words.ts).
 *
 * Under any lock that is taken here, the thread's `keyHash` is the data set's: the hash key changes
 * under the locks of all shards, so that each thread notices with the first lock that it gets.
 */
import { PAGE_BYTES } from '../base/limits.js';
import type { Region } from '../base/region.js';
import {
  holdsLock,
  isAwaited,
  lockBefore,
  lockInTurn,
  lockOwner,
  spinUntilFree,
  tryLock,
  unlock,
} from '../memory/lock.js';
import { type HashKey, Space } from '../memory/space.js';
import { ROOT_BYTES } from '../structures/directory.js';
import { HashState } from '../structures/hash.js';
import { Table } from '../structures/table.js';
import { KeyHash } from './key-hash.js';
import { WORD_LOCK, WORD_ORDER_LOCK, WORD_ROOTS } from './shard-words.js';

/** The hash position that ends a scan of a shard's table. */
export { SCAN_END } from '../structures/table.js';

/** For `holderOf`: the order lock. */
export const ORDER = -1;

/** Earlier than any element expires: see `ownerNumber` in types.ts. */
const ANY_TIME = 1;

export class Shards {
  readonly count: number;
  readonly databases: number;
  readonly spaces: readonly Space[];
  /** How keys are hashed, as of the lock last taken. */
  readonly keyHash: KeyHash;
  /** Changes whenever this thread gives back the lock of a shard. */
  releases = 0;
  private readonly tables: (Table | undefined)[];
  private readonly trackedTables: (Table | undefined)[];
  private readonly owner: number;
  private readonly hash = new HashState();

  /**
   * @param regions one per shard, formatted with `formatShard`
   * @param counters process-wide words; `usedPagesIndex` is the one that counts pages in use
   * @param thread this thread's number, from 0
   */
  constructor(
    regions: readonly Region[],
    databases: number,
    counters: Int32Array,
    usedPagesIndex: number,
    thread: number,
  ) {
    this.count = regions.length;
    this.databases = databases;
    this.spaces = regions.map((region) => new Space(region, counters, usedPagesIndex));
    this.tables = new Array<Table | undefined>(this.count * databases).fill(undefined);
    this.trackedTables = new Array<Table | undefined>(this.count).fill(undefined);
    this.owner = thread + 1;
    this.keyHash = new KeyHash(this.spaces[0]!);
  }

  /** The shard a key lives in. The number of shards is a power of two. */
  shardOf(region: Region, offset: number, length: number): number {
    return this.keyHash.hash(this.hash, region, offset, length) & (this.count - 1);
  }

  /** Changes how keys are hashed. The caller holds all locks, and the shards are empty. */
  changeHashKey({ key0, key1, spread }: HashKey): void {
    for (let shard = 0; shard < this.count; shard++) {
      this.assertLocked(shard);
      this.spaces[shard]!.setHashKey(key0, key1, spread);
    }
    this.keyHash.read(this.spaces[0]!);
  }

  /** The table of a database in a shard. The caller holds the shard's lock to use it. */
  table(shard: number, database: number): Table {
    return this.tables[shard * this.databases + database] ?? this.openTable(shard, database);
  }

  private openTable(shard: number, database: number): Table {
    const space = this.spaces[shard]!;
    const roots = space.region.words[WORD_ROOTS]!;
    const table = new Table(space, roots + database * ROOT_BYTES);
    this.tables[shard * this.databases + database] = table;
    return table;
  }

  /** The table of the keys that clients have read for their caches (tracked-keys.ts). */
  tracked(shard: number): Table {
    const opened = this.trackedTables[shard];
    if (opened !== undefined) return opened;
    const space = this.spaces[shard]!;
    const roots = space.region.words[WORD_ROOTS]!;
    const table = new Table(space, roots + this.databases * ROOT_BYTES);
    this.trackedTables[shard] = table;
    return table;
  }

  /** Exchanges two databases of a shard. The caller holds its lock. */
  swap(shard: number, first: number, second: number): void {
    const words = this.spaces[shard]!.region.words;
    const roots = words[WORD_ROOTS]! >>> 2;
    const a = roots + (first * ROOT_BYTES) / 4;
    const b = roots + (second * ROOT_BYTES) / 4;
    for (let i = 0; i < ROOT_BYTES / 4; i++) {
      const word = words[a + i]!;
      words[a + i] = words[b + i]!;
      words[b + i] = word;
    }
    this.lookAgain(shard, first);
    this.lookAgain(shard, second);
  }

  /**
   * The expiry cycle may be in the midst of a walk over the values of a table that lies elsewhere now,
   * and knows when the first element expires of those only that it has seen: it looks at all again.
   */
  private lookAgain(shard: number, database: number): void {
    const table = this.table(shard, database);
    if (table.ownerNumber !== 0) table.ownerNumber = ANY_TIME;
  }

  /** Takes a shard's lock, or gives up after a short spin. */
  tryLock(shard: number, spins?: number): boolean {
    const space = this.spaces[shard]!;
    if (!tryLock(space.words, WORD_LOCK, this.owner, spins)) return false;
    if (space.hashEpoch !== this.keyHash.epoch) this.keyHash.read(space);
    return true;
  }

  /** Spins until a shard looks free. @returns how many of the spins are left */
  spinUntilFree(shard: number, spins: number): number {
    return spinUntilFree(this.spaces[shard]!.region.words, WORD_LOCK, spins);
  }

  /**
   * Takes a shard's lock, or gives up at the deadline. Holding only locks of lower-numbered shards.
   */
  lockBefore(shard: number, deadlineMs: number): boolean {
    const space = this.spaces[shard]!;
    if (!lockBefore(space.words, WORD_LOCK, this.owner, deadlineMs)) return false;
    if (space.hashEpoch !== this.keyHash.epoch) this.keyHash.read(space);
    return true;
  }

  /** Takes a shard's lock. Holding none, or only locks of lower-numbered shards. */
  lock(shard: number): void {
    const space = this.spaces[shard]!;
    lockInTurn(space.words, WORD_LOCK, this.owner);
    if (space.hashEpoch !== this.keyHash.epoch) this.keyHash.read(space);
  }

  unlock(shard: number): void {
    this.releases = (this.releases + 1) | 0;
    unlock(this.spaces[shard]!.region.words, WORD_LOCK);
  }

  /** Whether a thread may be asleep until a shard is free. The caller holds the shard's lock. */
  isAwaited(shard: number): boolean {
    return isAwaited(this.spaces[shard]!.region.words, WORD_LOCK);
  }

  /** The thread that holds a shard's lock, or ORDER's, now; -1 when nobody does. */
  holderOf(shard: number): number {
    const { words } = this.spaces[Math.max(0, shard)]!.region;
    return lockOwner(words, shard === ORDER ? WORD_ORDER_LOCK : WORD_LOCK) - 1;
  }

  /** Whether this thread holds the shard's lock. */
  isLocked(shard: number): boolean {
    return holdsLock(this.spaces[shard]!.region.words, WORD_LOCK, this.owner);
  }

  /** @throws when this thread does not hold the shard's lock. For functions that need it. */
  assertLocked(shard: number): void {
    if (!holdsLock(this.spaces[shard]!.region.words, WORD_LOCK, this.owner)) {
      throw new Error(`shard ${shard} is not locked by this thread`);
    }
  }

  /**
   * The lock of the one thread that may wait for shards while it holds some. Taken while holding
   * none.
   */
  lockOrder(deadlineMs: number): boolean {
    return lockBefore(this.spaces[0]!.region.words, WORD_ORDER_LOCK, this.owner, deadlineMs);
  }

  /** The same in a bounded time, however many threads want it. */
  lockOrderInTurn(): void {
    lockInTurn(this.spaces[0]!.region.words, WORD_ORDER_LOCK, this.owner);
  }

  unlockOrder(): void {
    unlock(this.spaces[0]!.region.words, WORD_ORDER_LOCK);
  }
}

/** Prepares a fresh shard: its allocator and the roots of its databases. */
export function formatShard(
  region: Region,
  databases: number,
  counters: Int32Array,
  usedPagesIndex: number,
  hashKey: HashKey,
): void {
  const { key0, key1, spread } = hashKey;
  Space.format(region, key0, key1);
  const space = new Space(region, counters, usedPagesIndex);
  space.setHashKey(key0, key1, spread);
  // One more than databases: the root of the keys that are tracked.
  const pages = Math.ceil(((databases + 1) * ROOT_BYTES) / PAGE_BYTES);
  const roots = space.allocate(pages);
  space.commit(pages);
  region.words.fill(0, roots >>> 2, (roots + pages * PAGE_BYTES) >>> 2);
  region.words[WORD_ROOTS] = roots;
}
