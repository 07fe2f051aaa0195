/** ZPOPMIN and ZPOPMAX: remove the members with the lowest or highest scores. */
import { OUT_OF_RANGE_POSITIVE, SYNTAX } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { choosePopped, removePopped, replyPopped } from './lib/pop.js';
import { isSortedSet, reader } from './lib/values.js';

const COUNT_INDEX = 2;

function pop(context: Context, highest: boolean): void {
  const { args, reply } = context;
  const hasCount = args.count > COUNT_INDEX;
  if (args.count > COUNT_INDEX + 1) {
    reply.error(SYNTAX);
    return;
  }
  let count = 1;
  if (hasCount) {
    count = parseIndex(args.region, args.offset[COUNT_INDEX]!, args.length[COUNT_INDEX]!);
    if (!(count >= 0)) {
      reply.error(OUT_OF_RANGE_POSITIVE);
      return;
    }
  }
  popFrom(context, highest, count, hasCount);
}

function popFrom(context: Context, highest: boolean, count: number, hasCount: boolean): void {
  const { args, keys, reply } = context;
  if (!keys.seek(args, 1)) {
    reply.emptyArray();
    return;
  }
  if (!isSortedSet(context)) return;
  reader.attach(keys);
  const popped = choosePopped(count, highest);
  if (popped === 0) {
    reply.emptyArray();
    return;
  }
  const nested = hasCount && reply.protocol !== 2;
  reply.array(nested ? popped : popped * 2);
  replyPopped(context, highest, nested);
  removePopped(context, highest);
}

const SHARED = {
  since: '5.0.0',
  group: 'sorted-set',
  complexity:
    'O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.',
  shortArguments: 2,
  arity: -2,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'delete')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'count', type: 'integer', flags: ['optional'] },
  ],
} as const satisfies Partial<CommandDefinition>;

export const zpopmin: CommandDefinition = {
  ...SHARED,
  name: 'zpopmin',
  summary: 'Removes the members of a sorted set with the lowest scores, and tells them',
  run: (context) => pop(context, false),
};

export const zpopmax: CommandDefinition = {
  ...SHARED,
  name: 'zpopmax',
  summary: 'Removes the members of a sorted set with the highest scores, and tells them',
  run: (context) => pop(context, true),
};
