/** STRLEN: the number of bytes in a value. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seekForRead(args, 1)) reply.integer(0);
  else if (isString(context)) reply.integer(keys.valueLength);
}

export const strlen: CommandDefinition = {
  name: 'strlen',
  summary: 'Returns how many bytes the string stored under a key has',
  since: '2.2.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  run,
};
