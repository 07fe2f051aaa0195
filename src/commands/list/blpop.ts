/** BLPOP and BRPOP: an element of the first of several lists that is there, as soon as one is. */
import { TIMEOUT, TIMEOUT_HISTORY, timeoutAt, waitOrNull } from '../contract/blocking.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { firstKeyThere } from '../contract/several-keys.js';
import { pop, replyFrom } from './lib/pop.js';
import { isList, KEY, LEFT, RIGHT } from './lib/values.js';

const FIRST_KEY = 1;

function run(context: Context, end: number): void {
  const timeoutIndex = context.args.count - 1;
  const timeoutMs = timeoutAt(context, timeoutIndex);
  if (timeoutMs < 0) return;
  const key = firstKeyThere(context, FIRST_KEY, timeoutIndex);
  if (key === 0) waitOrNull(context, FIRST_KEY, timeoutIndex, 0, timeoutMs);
  else if (isList(context)) popFrom(context, key, end);
}

function popFrom(context: Context, key: number, end: number): void {
  const { args, reply } = context;
  reply.array(2);
  reply.bulk(args.region, args.offset[key]!, args.length[key]!);
  replyFrom(context, end, 1);
  pop(context, end, 1);
}

const SHARED = {
  since: '2.0.0',
  group: 'list',
  complexity: 'O(N) where N is the number of provided keys.',
  arity: -3,
  flags: ['write', 'noscript', 'blocking'],
  keys: [keysAt(1, -2, 1, 'RW', 'access', 'delete')],
  arguments: [{ ...KEY, flags: ['multiple'] }, TIMEOUT],
  history: TIMEOUT_HISTORY,
  waitsFor: 'list',
} as const satisfies Partial<CommandDefinition>;

export const blpop: CommandDefinition = {
  ...SHARED,
  name: 'blpop',
  summary: 'Takes the first element of the first list that is there, or waits for one',
  run: (context) => run(context, LEFT),
};

export const brpop: CommandDefinition = {
  ...SHARED,
  name: 'brpop',
  summary: 'Takes the last element of the first list that is there, or waits for one',
  run: (context) => run(context, RIGHT),
};
