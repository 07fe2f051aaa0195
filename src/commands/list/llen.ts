/** LLEN: how many elements a list has. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isList, KEY, list } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seekForRead(args, 1)) {
    reply.integer(0);
    return;
  }
  if (!isList(context)) return;
  list.open(keys);
  reply.integer(list.count);
}

export const llen: CommandDefinition = {
  name: 'llen',
  summary: 'Tells how many elements a list has',
  since: '1.0.0',
  group: 'list',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO')],
  arguments: [KEY],
  run,
};
