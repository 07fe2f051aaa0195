/**
 * Eviction, one shard and one page at a time: a round frees what waits in the shard's reclaim list, or
 * else evicts so many keys of one frame that a page of it is free, and compacts the frame. So each round
 * frees memory that the process really gives back, and takes well below a millisecond, whatever the size
 * of the values: the pages of a large one wait in the reclaim list.
 *
 * Which keys go is chosen in structures/victims.ts, and when in engine/memory-guard.ts.
 */
import { randomBits } from '../base/random.js';
import { copyBytes } from '../base/region.js';
import {
  ORDER_FREQUENCY,
  ORDER_NONE,
  ORDER_RECENCY,
  type SlotOrder,
} from '../structures/slot-order.js';
import type { Table } from '../structures/table.js';
import {
  BY_CHANCE,
  BY_EXPIRY,
  BY_ORDER,
  type VictimChoice,
  Victims,
} from '../structures/victims.js';
import type { Keyspace } from './keyspace.js';
import { SLICE_PAGES, waitsForReclaim } from './reclaim-list.js';

/** What a maxmemory-policy means here. */
export interface EvictionPolicy {
  /** The order of slots that has to be kept for it. */
  readonly order: SlotOrder;
  /** Null: nothing is evicted. */
  readonly choice: VictimChoice | null;
}

function policy(order: SlotOrder, by: VictimChoice['by'], expiringOnly: boolean): EvictionPolicy {
  return { order, choice: { by, expiringOnly } };
}

export const NO_EVICTION: EvictionPolicy = { order: ORDER_NONE, choice: null };

/** By the values of maxmemory-policy. */
export const EVICTION_POLICIES: Readonly<Record<string, EvictionPolicy>> = {
  noeviction: NO_EVICTION,
  'allkeys-lru': policy(ORDER_RECENCY, BY_ORDER, false),
  'allkeys-lfu': policy(ORDER_FREQUENCY, BY_ORDER, false),
  'allkeys-random': policy(ORDER_NONE, BY_CHANCE, false),
  'volatile-lru': policy(ORDER_RECENCY, BY_ORDER, true),
  'volatile-lfu': policy(ORDER_FREQUENCY, BY_ORDER, true),
  'volatile-random': policy(ORDER_NONE, BY_CHANCE, true),
  'volatile-ttl': policy(ORDER_NONE, BY_EXPIRY, true),
};

export class Evictor {
  private readonly victims: Victims;

  constructor(private readonly keys: Keyspace) {
    this.victims = new Victims(randomBits, keys.types.owningKinds);
  }

  /**
   * One round in a shard that is locked. Outside of commands.
   * @returns false when the shard has nothing to free and nothing to evict
   */
  freeSome(shard: number, choice: VictimChoice | null, samples: number): boolean {
    const { keys } = this;
    const space = keys.shards.spaces[shard]!;
    const before = space.residentPages;
    let freed = true;
    if (waitsForReclaim(space)) keys.types.reclaim.step(space, SLICE_PAGES);
    else freed = choice !== null && this.evictSome(shard, choice, samples);
    if (space.residentPages < before && space.holdsUnused) space.trim();
    return freed;
  }

  private evictSome(shard: number, choice: VictimChoice, samples: number): boolean {
    const { victims } = this;
    const database = this.chooseDatabase(shard, choice);
    if (database < 0) return false;
    const table = this.keys.shards.table(shard, database);
    if (!victims.choose(table, choice, samples)) return false;
    if (this.evictVictims(table, database)) victims.noteRemoved(table.region);
    table.compactFrame(victims.position);
    return true;
  }

  /** A database by chance, as likely as it has many keys that may go; -1 when none has any. */
  private chooseDatabase(shard: number, { expiringOnly }: VictimChoice): number {
    const { shards } = this.keys;
    let total = 0;
    let chosen = -1;
    for (let database = 0; database < shards.databases; database++) {
      const table = shards.table(shard, database);
      const keys = expiringOnly ? table.expiring : table.size;
      if (keys === 0) continue;
      total += keys;
      if (((randomBits() >>> 0) / 2 ** 32) * total < keys) chosen = database;
    }
    return chosen;
  }

  /** @returns whether all of them are gone */
  private evictVictims(table: Table, database: number): boolean {
    const { keys, victims } = this;
    const before = table.size;
    keys.noting = ORDER_NONE;
    for (let i = 0; i < victims.count; i++) {
      table.decode(victims.offsets[i]!);
      const length = table.keyLength;
      // Removing the key frees the run that a long key lies in, but its effect still needs the bytes.
      const scratch = keys.scratch(length);
      copyBytes(scratch, 0, table.region, table.keyOffset, length);
      // One that has expired goes as such.
      if (keys.seekKey(database, scratch, 0, length)) keys.evict();
    }
    return table.size === before - victims.count;
  }
}
