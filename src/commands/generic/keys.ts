/**
 * KEYS: all keys that match a pattern. A shard is locked while its keys are gone through, as a split
 * in between could make one come twice; the others go on meanwhile.
 */
import { hasExpired } from '../../base/expiry-time.js';
import { SCAN_END } from '../../keyspace/shards.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { matchesPattern, takesAll } from '../contract/pattern.js';

/** Writes the keys of one shard that match. @returns how many */
function matchShard({ args, keys, reply, session }: Context, shard: number): number {
  const table = keys.shards.table(shard, session.database);
  const all = takesAll(args, 1);
  let count = 0;
  for (let position = 0; position < SCAN_END; ) {
    position = table.scan(position);
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      if (hasExpired(table.expiry, keys.now)) continue;
      const { region, keyOffset: at, keyLength: length } = table;
      if (!all && !matchesPattern(args, 1, region, at, length)) continue;
      reply.bulk(region, at, length);
      count++;
    }
  }
  return count;
}

function run(context: Context): void {
  const { keys, reply } = context;
  const mark = reply.mark();
  let count = 0;
  for (let shard = 0; shard < keys.shards.count; shard++) {
    context.withShard(shard, () => {
      count += matchShard(context, shard);
    });
  }
  reply.patchArray(mark, count);
}

export const keys: CommandDefinition = {
  name: 'keys',
  summary: 'Lists all keys that match a pattern',
  since: '1.0.0',
  group: 'generic',
  complexity:
    'O(N) with N being the number of keys in the database, under the assumption that the key ' +
    'names in the database and the given pattern have limited length.',
  arity: 2,
  flags: ['readonly'],
  categories: ['dangerous'],
  arguments: [{ name: 'pattern', type: 'pattern' }],
  tips: ['request_policy:all_shards', 'nondeterministic_output_order'],
  locks: 'none',
  run,
};
