/** XLEN: how many entries a stream has. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isStream, KEY, streamFound } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seekForRead(args, 1)) reply.integer(0);
  else if (isStream(context)) reply.integer(streamFound(context).length);
}

export const xlen: CommandDefinition = {
  name: 'xlen',
  summary: 'Tells how many entries a stream has',
  since: '5.0.0',
  group: 'stream',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO')],
  arguments: [KEY],
  run,
};
