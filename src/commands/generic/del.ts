/** DEL and UNLINK: keys go. Memory is given back frame by frame later, so that both cost the same. */
import { EVENT_DEL } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  let removed = 0;
  for (let i = 1; i < args.count; i++) {
    if (!keys.seek(args, i)) continue;
    keys.remove(EVENT_DEL);
    removed++;
  }
  reply.integer(removed);
}

export const del: CommandDefinition = {
  name: 'del',
  summary: 'Removes keys',
  since: '1.0.0',
  group: 'generic',
  complexity:
    'O(N) where N is the number of keys that will be removed. When a key to remove holds a value ' +
    'other than a string, the individual complexity for this key is O(M) where M is the number of ' +
    'elements in the list, set, sorted set or hash. Removing a single key that holds a string ' +
    'value is O(1).',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -2,
  flags: ['write'],
  keys: [keysAt(1, -1, 1, 'RM', 'delete')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] }],
  tips: ['request_policy:multi_shard', 'response_policy:agg_sum'],
  run,
};

export const unlink: CommandDefinition = {
  name: 'unlink',
  summary: 'Removes keys; their memory is reclaimed in the background',
  since: '4.0.0',
  group: 'generic',
  complexity:
    'O(1) for each key removed regardless of its size. Then the command does O(N) work in a ' +
    'different thread in order to reclaim memory, where N is the number of allocations the ' +
    'deleted objects where composed of.',
  arity: -2,
  flags: ['write', 'fast'],
  keys: [keysAt(1, -1, 1, 'RM', 'delete')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] }],
  tips: ['request_policy:multi_shard', 'response_policy:agg_sum'],
  run,
};
