/** LMPOP: elements from an end of the first of several lists that is there. */
import { SYNTAX } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, countedKeys } from '../contract/definition.js';
import { behindCountedKeys, FIRST_COUNTED_KEY, lastCountAt } from '../contract/several-keys.js';
import { pop, replyFrom } from './lib/pop.js';
import { endArgument, endAt, isList, KEY, list, NEITHER } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  const where = behindCountedKeys(context);
  if (where === 0) return;
  const end = endAt(context, where, SYNTAX);
  if (end === NEITHER) return;
  const wished = lastCountAt(context, where + 1);
  if (wished === 0) return;
  for (let i = FIRST_COUNTED_KEY; i < where; i++) {
    if (!keys.seek(args, i)) continue;
    if (isList(context)) popFrom(context, i, end, wished);
    return;
  }
  reply.nullArray();
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
