/** SCARD: how many members a set has. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isSet, place } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seekForRead(args, 1)) {
    reply.integer(0);
    return;
  }
  if (!isSet(context)) return;
  place.take(keys);
  reply.integer(place.size);
}

export const scard: CommandDefinition = {
  name: 'scard',
  summary: 'Returns the number of members of a set',
  since: '1.0.0',
  group: 'set',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  run,
};
