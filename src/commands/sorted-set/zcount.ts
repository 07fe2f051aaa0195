/** ZCOUNT and ZLEXCOUNT: how many members lie in a range. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { lexRange, parseLexRange, parseScoreRange, scoreRange } from './lib/bounds.js';
import { ABSENT, ANSWERED, openReader, ranks, reader } from './lib/values.js';

function runZcount(context: Context): void {
  if (!parseScoreRange(context, 2, 3)) return;
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  if (state === ABSENT) {
    context.reply.integer(0);
    return;
  }
  reader.ranksOfScores(scoreRange, ranks);
  context.reply.integer(ranks.count);
}

function runZlexcount(context: Context): void {
  if (!parseLexRange(context, 2, 3)) return;
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  if (state === ABSENT) {
    context.reply.integer(0);
    return;
  }
  reader.ranksOfMembers(lexRange, false, ranks);
  context.reply.integer(ranks.count);
}

const SHARED = {
  group: 'sorted-set',
  complexity: 'O(log(N)) with N being the number of elements in the sorted set.',
  arity: 4,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
} as const satisfies Partial<CommandDefinition>;

export const zcount: CommandDefinition = {
  ...SHARED,
  name: 'zcount',
  summary: 'Counts the members of a sorted set with scores in a range',
  since: '2.0.0',
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'min', type: 'double' },
    { name: 'max', type: 'double' },
  ],
  run: runZcount,
};

export const zlexcount: CommandDefinition = {
  ...SHARED,
  name: 'zlexcount',
  summary: 'Counts the members of a sorted set between two members',
  since: '2.8.9',
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'min', type: 'string' },
    { name: 'max', type: 'string' },
  ],
  run: runZlexcount,
};
