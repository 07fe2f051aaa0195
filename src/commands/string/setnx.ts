/** SETNX: SET for a key that is not there. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { storeArgument } from './lib/values.js';

function run(context: Context): void {
  if (context.keys.seek(context.args, 1)) {
    context.reply.integer(0);
    return;
  }
  storeArgument(context, 2, 0);
  context.reply.integer(1);
}

export const setnx: CommandDefinition = {
  name: 'setnx',
  summary: 'Stores a string under a key, unless it exists',
  since: '1.0.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'OW', 'insert')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'value', type: 'string' },
  ],
  run,
};
