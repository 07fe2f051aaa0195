/** FLUSHALL and FLUSHDB. The keys are gone at once and their memory bit by bit: SYNC and ASYNC are the same. */
import { SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';

const ARGUMENTS: CommandDefinition['arguments'] = [
  {
    name: 'async',
    type: 'oneof',
    flags: ['optional'],
    arguments: [
      { name: 'async', type: 'pure-token', token: 'ASYNC', since: '4.0.0' },
      { name: 'sync', type: 'pure-token', token: 'SYNC', since: '6.2.0' },
    ],
  },
];
const HISTORY: CommandDefinition['history'] = [
  ['4.0.0', 'ASYNC.'],
  ['6.2.0', 'SYNC.'],
];

/** Empties databases from `first` to before `end`, all shards being locked. */
function flush({ args, keys, reply }: Context, first: number, end: number): void {
  const known = args.count === 1 || argumentIs(args, 1, 'ASYNC') || argumentIs(args, 1, 'SYNC');
  if (args.count > 2 || !known) {
    reply.error(SYNTAX);
    return;
  }
  for (let database = first; database < end; database++) {
    const hasKeys = holdsKeys(keys.shards, database);
    for (let shard = 0; shard < keys.shards.count; shard++) keys.clear(shard, database, hasKeys);
  }
  reply.ok();
}

/** Whether any shard has keys in a database. */
function holdsKeys(shards: Context['keys']['shards'], database: number): boolean {
  for (let shard = 0; shard < shards.count; shard++) {
    if (shards.table(shard, database).size > 0) return true;
  }
  return false;
}

export const flushall: CommandDefinition = {
  name: 'flushall',
  summary: 'Removes all keys of all databases',
  since: '1.0.0',
  group: 'server',
  complexity: 'O(N) where N is the total number of keys in all databases',
  arity: -1,
  flags: ['write'],
  categories: ['keyspace', 'dangerous'],
  arguments: ARGUMENTS,
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  history: HISTORY,
  locks: 'all',
  effect: 'keyless',
  run: (context) => flush(context, 0, context.keys.shards.databases),
};

export const flushdb: CommandDefinition = {
  name: 'flushdb',
  summary: 'Removes all keys of the current database',
  since: '1.0.0',
  group: 'server',
  complexity: 'O(N) where N is the number of keys in the selected database',
  arity: -1,
  flags: ['write'],
  categories: ['keyspace', 'dangerous'],
  arguments: ARGUMENTS,
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  history: HISTORY,
  locks: 'all',
  effect: 'keyless',
  run: (context) => flush(context, context.session.database, context.session.database + 1),
};
