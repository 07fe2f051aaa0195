/** BZPOPMIN and BZPOPMAX: a member of the first of several sorted sets that is there, as soon as one is. */
import { TIMEOUT, TIMEOUT_HISTORY, timeoutAt, waitFor } from '../contract/blocking.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { choosePopped, removePopped, replyPopped } from './lib/pop.js';
import { isSortedSet, reader } from './lib/values.js';

const FIRST_KEY = 1;

function run(context: Context, highest: boolean): void {
  const { args, keys, reply } = context;
  const timeoutIndex = args.count - 1;
  const timeoutMs = timeoutAt(context, timeoutIndex);
  if (timeoutMs < 0) return;
  for (let i = FIRST_KEY; i < timeoutIndex; i++) {
    if (!keys.seek(args, i)) continue;
    if (isSortedSet(context)) popFrom(context, i, highest);
    return;
  }
  if (context.inTransaction) reply.nullArray();
  else waitFor(context, FIRST_KEY, timeoutIndex, 0, timeoutMs);
}

function popFrom(context: Context, key: number, highest: boolean): void {
  const { args, keys, reply } = context;
  reader.attach(keys);
  choosePopped(1, highest);
  reply.array(3);
  reply.bulk(args.region, args.offset[key]!, args.length[key]!);
  replyPopped(context, highest, false);
  removePopped(context, highest);
}

const SHARED = {
  since: '5.0.0',
  group: 'sorted-set',
  complexity: 'O(log(N)) with N being the number of elements in the sorted set.',
  arity: -3,
  flags: ['write', 'noscript', 'blocking', 'fast'],
  keys: [keysAt(1, -2, 1, 'RW', 'access', 'delete')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] }, TIMEOUT],
  history: TIMEOUT_HISTORY,
  waitsFor: 'zset',
} as const satisfies Partial<CommandDefinition>;

export const bzpopmin: CommandDefinition = {
  ...SHARED,
  name: 'bzpopmin',
  summary: 'Removes the lowest member of the first sorted set that is there, or waits for one',
  run: (context) => run(context, false),
};

export const bzpopmax: CommandDefinition = {
  ...SHARED,
  name: 'bzpopmax',
  summary: 'Removes the highest member of the first sorted set that is there, or waits for one',
  run: (context) => run(context, true),
};
