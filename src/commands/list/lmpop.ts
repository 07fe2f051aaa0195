/** LMPOP: elements from an end of the first of several lists that is there. */
import { COUNT_POSITIVE, NUMKEYS_POSITIVE, SYNTAX } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, countedKeys } from '../contract/definition.js';
import { pop, replyFrom } from './lib/pop.js';
import { endArgument, endAt, isList, KEY, list, NEITHER } from './lib/values.js';

const FIRST_KEY = 2;

function run(context: Context): void {
  const { args, keys, reply } = context;
  const keyCount = parseIndex(args.region, args.offset[1]!, args.length[1]!);
  if (!(keyCount > 0)) {
    reply.error(NUMKEYS_POSITIVE);
    return;
  }
  const where = FIRST_KEY + keyCount;
  if (where >= args.count) {
    reply.error(SYNTAX);
    return;
  }
  const end = endAt(context, where, SYNTAX);
  if (end === NEITHER) return;
  const wished = countFrom(context, where + 1);
  if (wished === 0) return;
  for (let i = FIRST_KEY; i < where; i++) {
    if (!keys.seek(args, i)) continue;
    if (isList(context)) popFrom(context, i, end, wished);
    return;
  }
  reply.nullArray();
}

/** The number after COUNT, 1 without it; 0 when an error was answered. */
function countFrom({ args, reply }: Context, first: number): number {
  if (first === args.count) return 1;
  if (first + 1 === args.count || !argumentIs(args, first, 'COUNT')) {
    reply.error(SYNTAX);
    return 0;
  }
  const count = parseIndex(args.region, args.offset[first + 1]!, args.length[first + 1]!);
  if (count > 0 && args.count === first + 2) return count;
  reply.error(count > 0 ? SYNTAX : COUNT_POSITIVE);
  return 0;
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

export const lmpop: CommandDefinition = {
  name: 'lmpop',
  summary: 'Takes elements from an end of the first list that is there',
  since: '7.0.0',
  group: 'list',
  complexity:
    'O(N+M) where N is the number of provided keys and M is the number of elements returned.',
  arity: -4,
  flags: ['write', 'movablekeys'],
  keys: [countedKeys(1, 'RW', 'access', 'delete')],
  arguments: [
    { name: 'numkeys', type: 'integer' },
    { ...KEY, flags: ['multiple'] },
    endArgument('where'),
    { name: 'count', type: 'integer', token: 'COUNT', flags: ['optional'] },
  ],
  run,
};
