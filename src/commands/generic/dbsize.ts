/** DBSIZE: counts read without locks, each of which may be one write old. */
import type { CommandDefinition } from '../contract/definition.js';

export const dbsize: CommandDefinition = {
  name: 'dbsize',
  summary: 'Counts the keys of the current database',
  since: '1.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 1,
  flags: ['readonly', 'fast'],
  categories: ['keyspace'],
  tips: ['request_policy:all_shards', 'response_policy:agg_sum'],
  run({ keys: { shards }, reply, session }) {
    let size = 0;
    for (let shard = 0; shard < shards.count; shard++) {
      size += shards.table(shard, session.database).size;
    }
    reply.integer(size);
  },
};
