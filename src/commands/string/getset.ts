/** GETSET: SET that answers with the value it replaces. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString, replyValue, storeArgument } from './lib/values.js';

function run(context: Context): void {
  if (context.keys.seekForRead(context.args, 1)) {
    if (!isString(context)) return;
    // Read out before the new value takes its place.
    replyValue(context);
  } else {
    context.reply.nullBulk();
  }
  storeArgument(context, 2, 0);
}

export const getset: CommandDefinition = {
  name: 'getset',
  summary: 'Stores a string under a key and returns the one it replaces',
  since: '1.0.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'value', type: 'string' },
  ],
  docFlags: ['deprecated'],
  deprecatedSince: '6.2.0',
  replacedBy: '`SET` with the `!GET` argument',
  run,
};
