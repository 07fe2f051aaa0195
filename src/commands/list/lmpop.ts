/**
 * LMPOP: elements from an end of the first of several lists that is there. BLMPOP, with a timeout before
 * the number of keys, waits for one.
 */
import { SYNTAX } from '../../protocol/errors.js';
import { TIMEOUT, timeoutAt, waitOrNull } from '../contract/blocking.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, countedKeys } from '../contract/definition.js';
import { behindCountedKeys, firstKeyThere, lastCountAt } from '../contract/several-keys.js';
import { pop, replyFrom } from './lib/pop.js';
import { endArgument, endAt, isList, KEY, list, NEITHER } from './lib/values.js';

const COUNT_INDEX = 1;
const TIMEOUT_INDEX = 1;
const BLOCKING_COUNT_INDEX = 2;

function run(context: Context, countIndex: number): void {
  const where = behindCountedKeys(context, countIndex);
  if (where === 0) return;
  const end = endAt(context, where, SYNTAX);
  if (end === NEITHER) return;
  const wished = lastCountAt(context, where + 1);
  if (wished === 0) return;
  const blocks = countIndex === BLOCKING_COUNT_INDEX;
  const timeoutMs = blocks ? timeoutAt(context, TIMEOUT_INDEX) : 0;
  if (timeoutMs < 0) return;
  const key = firstKeyThere(context, countIndex + 1, where);
  if (key > 0) {
    if (isList(context)) popFrom(context, key, end, wished);
  } else if (blocks) waitOrNull(context, countIndex + 1, where, countIndex, timeoutMs);
  else context.reply.nullArray();
}

function popFrom(context: Context, key: number, end: number, wished: number): void {
  const { args, keys, reply } = context;
  list.open(keys);
  const count = Math.min(wished, list.count);
  reply.array(2);
  reply.bulk(args.region, args.offset[key]!, args.length[key]!);
  reply.array(count);
  replyFrom(context, end, count);
  pop(context, end, count);
}

const SHARED = {
  since: '7.0.0',
  group: 'list',
  complexity:
    'O(N+M) where N is the number of provided keys and M is the number of elements returned.',
} as const satisfies Partial<CommandDefinition>;

const ARGUMENTS: CommandDefinition['arguments'] = [
  { name: 'numkeys', type: 'integer' },
  { ...KEY, flags: ['multiple'] },
  endArgument('where'),
  { name: 'count', type: 'integer', token: 'COUNT', flags: ['optional'] },
];

export const lmpop: CommandDefinition = {
  ...SHARED,
  name: 'lmpop',
  summary: 'Takes elements from an end of the first list that is there',
  arity: -4,
  flags: ['write', 'movablekeys'],
  keys: [countedKeys(COUNT_INDEX, 'RW', 'access', 'delete')],
  arguments: ARGUMENTS,
  run: (context) => run(context, COUNT_INDEX),
};

export const blmpop: CommandDefinition = {
  ...SHARED,
  name: 'blmpop',
  summary: 'Takes elements from an end of the first list that is there, or waits for one',
  arity: -5,
  flags: ['write', 'blocking', 'movablekeys'],
  keys: [countedKeys(BLOCKING_COUNT_INDEX, 'RW', 'access', 'delete')],
  arguments: [TIMEOUT, ...ARGUMENTS],
  waitsFor: 'list',
  run: (context) => run(context, BLOCKING_COUNT_INDEX),
};
