/** BZPOPMIN and BZPOPMAX: a member of the first of several sorted sets that is there, as soon as one is. */
import { TIMEOUT, TIMEOUT_HISTORY, timeoutAt, waitOrNull } from '../contract/blocking.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { firstKeyThere } from '../contract/several-keys.js';
import { choosePopped, removePopped, replyPopped } from './lib/pop.js';
import { isSortedSet, reader } from './lib/values.js';

const FIRST_KEY = 1;

function run(context: Context, highest: boolean): void {
  const timeoutIndex = context.args.count - 1;
  const timeoutMs = timeoutAt(context, timeoutIndex);
  if (timeoutMs < 0) return;
  const key = firstKeyThere(context, FIRST_KEY, timeoutIndex);
  if (key === 0) waitOrNull(context, FIRST_KEY, timeoutIndex, 0, timeoutMs);
  else if (isSortedSet(context)) popFrom(context, key, highest);
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
