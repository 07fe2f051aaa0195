/** ZCARD: how many members a sorted set has. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { ANSWERED, FOUND, openReader, reader } from './lib/values.js';

function run(context: Context): void {
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  context.reply.integer(state === FOUND ? reader.count : 0);
}

export const zcard: CommandDefinition = {
  name: 'zcard',
  summary: 'Tells how many members a sorted set has',
  since: '1.2.0',
  group: 'sorted-set',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  run,
};
