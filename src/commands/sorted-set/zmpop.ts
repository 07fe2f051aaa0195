/**
 * ZMPOP: removes the lowest or highest members of the first of several sorted sets that has any. BZMPOP,
 * with a timeout before the number of keys, waits for one.
 */
import { SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import { TIMEOUT, timeoutAt, waitOrNull } from '../contract/blocking.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, countedKeys } from '../contract/definition.js';
import { behindCountedKeys, firstKeyThere, lastCountAt } from '../contract/several-keys.js';
import { choosePopped, removePopped, replyPopped } from './lib/pop.js';
import { isSortedSet, reader } from './lib/values.js';

const COUNT_INDEX = 1;
const TIMEOUT_INDEX = 1;
const BLOCKING_COUNT_INDEX = 2;

function run(context: Context, countIndex: number): void {
  const { args, reply } = context;
  const where = behindCountedKeys(context, countIndex);
  if (where === 0) return;
  const highest = argumentIs(args, where, 'MAX');
  if (!highest && !argumentIs(args, where, 'MIN')) {
    reply.error(SYNTAX);
    return;
  }
  const count = lastCountAt(context, where + 1);
  if (count === 0) return;
  const blocks = countIndex === BLOCKING_COUNT_INDEX;
  const timeoutMs = blocks ? timeoutAt(context, TIMEOUT_INDEX) : 0;
  if (timeoutMs < 0) return;
  const key = firstKeyThere(context, countIndex + 1, where);
  if (key > 0) {
    if (isSortedSet(context)) popFrom(context, key, highest, count);
  } else if (blocks) waitOrNull(context, countIndex + 1, where, countIndex, timeoutMs);
  else reply.nullArray();
}

function popFrom(context: Context, key: number, highest: boolean, count: number): void {
  const { args, keys, reply } = context;
  reader.attach(keys);
  const popped = choosePopped(count, highest);
  reply.array(2);
  reply.bulk(args.region, args.offset[key]!, args.length[key]!);
  reply.array(popped);
  replyPopped(context, highest, true);
  removePopped(context, highest);
}

const SHARED = {
  since: '7.0.0',
  group: 'sorted-set',
  complexity:
    'O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.',
} as const satisfies Partial<CommandDefinition>;

const ARGUMENTS: CommandDefinition['arguments'] = [
  { name: 'numkeys', type: 'integer' },
  { name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] },
  {
    name: 'where',
    type: 'oneof',
    arguments: [
      { name: 'min', type: 'pure-token', token: 'MIN' },
      { name: 'max', type: 'pure-token', token: 'MAX' },
    ],
  },
  { name: 'count', type: 'integer', token: 'COUNT', flags: ['optional'] },
];

export const zmpop: CommandDefinition = {
  ...SHARED,
  name: 'zmpop',
  summary: 'Removes the lowest or highest members of the first sorted set that is not empty',
  arity: -4,
  flags: ['write', 'movablekeys'],
  keys: [countedKeys(COUNT_INDEX, 'RW', 'access', 'delete')],
  arguments: ARGUMENTS,
  run: (context) => run(context, COUNT_INDEX),
};

export const bzmpop: CommandDefinition = {
  ...SHARED,
  name: 'bzmpop',
  summary:
    'Removes the lowest or highest members of the first sorted set that is there, or waits for one',
  arity: -5,
  flags: ['write', 'blocking', 'movablekeys'],
  keys: [countedKeys(BLOCKING_COUNT_INDEX, 'RW', 'access', 'delete')],
  arguments: [TIMEOUT, ...ARGUMENTS],
  waitsFor: 'zset',
  run: (context) => run(context, BLOCKING_COUNT_INDEX),
};
