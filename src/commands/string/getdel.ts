/** GETDEL: GET, and then the key goes. */
import { EVENT_DEL } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString, replyValue } from './lib/values.js';

function run(context: Context): void {
  if (!context.keys.seekForRead(context.args, 1)) {
    context.reply.nullBulk();
    return;
  }
  if (!isString(context)) return;
  replyValue(context);
  context.keys.remove(EVENT_DEL);
}

export const getdel: CommandDefinition = {
  name: 'getdel',
  summary: 'Returns the string stored under a key and removes the key',
  since: '6.2.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 2,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'delete')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  run,
};
