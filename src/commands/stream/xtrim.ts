/** XTRIM: removes entries from the beginning of a stream. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { STRATEGY, trim } from './lib/trim.js';
import { isStream, KEY } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (trim.parse(context, false) < 0) return;
  if (!keys.seek(args, 1)) {
    reply.integer(0);
    return;
  }
  if (isStream(context)) reply.integer(trim.apply(context));
}

export const xtrim: CommandDefinition = {
  name: 'xtrim',
  summary: 'Removes entries from the beginning of a stream',
  since: '5.0.0',
  group: 'stream',
  complexity:
    'O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.',
  arity: -4,
  flags: ['write'],
  keys: [keysAt(1, 0, 1, 'RW', 'delete')],
  arguments: [KEY, { name: 'trim', type: 'block', arguments: STRATEGY }],
  elements: { by: 'each' },
  tips: ['nondeterministic_output'],
  history: [['6.2.0', 'Added the `MINID` trimming strategy and the `LIMIT` option.']],
  run,
};
