/** INFO's section keyspace: how many keys, and how long those that expire live on, by sample. */
import type { Context } from '../../commands/contract/context.js';
import type { Shards } from '../../keyspace/shards.js';
import type { Section } from './source.js';

/** A sample looks at this many shards and hash positions of each. */
const SAMPLED_SHARDS = 4;
const SAMPLED_POSITIONS = 32;
const POSITIONS_END = 2 ** 32;

export const keyspaceSection: Section = ({ shards }, context) => {
  const fields: [string, string][] = [];
  for (let database = 0; database < shards.databases; database++) {
    let keys = 0;
    let expires = 0;
    for (let shard = 0; shard < shards.count; shard++) {
      // Without the lock: a count may be one write old.
      const table = shards.table(shard, database);
      keys += table.size;
      expires += table.expiring;
    }
    if (keys === 0) continue;
    const average = expires === 0 ? 0 : averageTimeToLive(shards, database, context);
    fields.push([`db${database}`, `keys=${keys},expires=${expires},avg_ttl=${average}`]);
  }
  return fields;
};

/** Milliseconds, by a sample under the locks of a few shards; 0 where no key expires. */
export function averageTimeToLive(
  shards: Shards,
  database: number,
  context: Pick<Context, 'now' | 'withShard'>,
): number {
  let sum = 0;
  let count = 0;
  let sampled = 0;
  const start = Math.floor(Math.random() * shards.count);
  for (let i = 0; i < shards.count && sampled < SAMPLED_SHARDS; i++) {
    const shard = (start + i) % shards.count;
    const table = shards.table(shard, database);
    if (table.expiring === 0) continue;
    sampled++;
    context.withShard(shard, () => {
      let position = Math.floor(Math.random() * POSITIONS_END);
      for (let step = 0; step < SAMPLED_POSITIONS; step++) {
        position = table.scan(position >= POSITIONS_END ? 0 : position);
        for (let entry = 0; entry < table.scanCount; entry++) {
          table.decode(table.scanOffsets[entry]!);
          if (table.expiry <= context.now) continue;
          sum += table.expiry - context.now;
          count++;
        }
      }
    });
  }
  return count === 0 ? 0 : Math.round(sum / count);
}
