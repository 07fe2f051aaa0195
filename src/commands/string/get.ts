/** GET: the commonest read. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString, replyValue } from './lib/values.js';

function run(context: Context): void {
  if (!context.keys.seekForRead(context.args, 1)) context.reply.nullBulk();
  else if (isString(context)) replyValue(context);
}

export const get: CommandDefinition = {
  name: 'get',
  summary: 'Returns the string stored under a key',
  since: '1.0.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  run,
};
