/** ZMPOP: removes the lowest or highest members of the first of several sorted sets that has any. */
import { COUNT_POSITIVE, NUMKEYS_POSITIVE, SYNTAX } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, countedKeys } from '../contract/definition.js';
import { choosePopped, removePopped, replyPopped } from './lib/pop.js';
import { isSortedSet, reader } from './lib/values.js';

const KEY_COUNT_INDEX = 1;
const FIRST_KEY = 2;

function run(context: Context): void {
  const { args, reply } = context;
  const keyCount = indexAt(context, KEY_COUNT_INDEX);
  if (!(keyCount >= 1)) {
    reply.error(NUMKEYS_POSITIVE);
    return;
  }
  const where = FIRST_KEY + keyCount;
  const highest = where < args.count && argumentIs(args, where, 'MAX');
  if (where >= args.count || !(highest || argumentIs(args, where, 'MIN'))) {
    reply.error(SYNTAX);
    return;
  }
  const count = countAt(context, where + 1);
  if (count > 0) popFirst(context, keyCount, highest, count);
}

function indexAt({ args }: Context, index: number): number {
  return parseIndex(args.region, args.offset[index]!, args.length[index]!);
}

/** The count, if there is one, from argument `index` on. @returns 0 when an error was answered */
function countAt(context: Context, index: number): number {
  const { args, reply } = context;
  if (index === args.count) return 1;
  if (!argumentIs(args, index, 'COUNT') || index + 1 === args.count) {
    reply.error(SYNTAX);
    return 0;
  }
  const count = indexAt(context, index + 1);
  if (!(count >= 1)) {
    reply.error(COUNT_POSITIVE);
    return 0;
  }
  if (index + 2 === args.count) return count;
  reply.error(SYNTAX);
  return 0;
}

function popFirst(context: Context, keyCount: number, highest: boolean, count: number): void {
  const { args, keys, reply } = context;
  for (let i = FIRST_KEY; i < FIRST_KEY + keyCount; i++) {
    if (!keys.seek(args, i)) continue;
    if (!isSortedSet(context)) return;
    reader.attach(keys);
    const popped = choosePopped(count, highest);
    reply.array(2);
    reply.bulk(args.region, args.offset[i]!, args.length[i]!);
    reply.array(popped);
    replyPopped(context, highest, true);
    removePopped(context, highest);
    return;
  }
  reply.nullArray();
}

export const zmpop: CommandDefinition = {
  name: 'zmpop',
  summary: 'Removes the lowest or highest members of the first sorted set that is not empty',
  since: '7.0.0',
  group: 'sorted-set',
  complexity:
    'O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.',
  arity: -4,
  flags: ['write', 'movablekeys'],
  keys: [countedKeys(1, 'RW', 'access', 'delete')],
  arguments: [
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
  ],
  run,
};
