/** SMEMBERS: all members of a set, those of an intset in ascending order. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isSet, place, replyMembers } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seekForRead(args, 1)) {
    reply.set(0);
    return;
  }
  if (!isSet(context)) return;
  place.take(keys);
  reply.set(place.size);
  replyMembers(reply, place);
}

export const smembers: CommandDefinition = {
  name: 'smembers',
  summary: 'Returns all members of a set',
  since: '1.0.0',
  group: 'set',
  complexity: 'O(N) where N is the set cardinality.',
  arity: 2,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  tips: ['nondeterministic_output_order'],
  run,
};
