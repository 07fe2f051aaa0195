/** ZMPOP: removes the lowest or highest members of the first of several sorted sets that has any. */
import { SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, countedKeys } from '../contract/definition.js';
import { behindCountedKeys, FIRST_COUNTED_KEY, lastCountAt } from '../contract/several-keys.js';
import { choosePopped, removePopped, replyPopped } from './lib/pop.js';
import { isSortedSet, reader } from './lib/values.js';

function run(context: Context): void {
  const { args, reply } = context;
  const where = behindCountedKeys(context);
  if (where === 0) return;
  const highest = argumentIs(args, where, 'MAX');
  if (!highest && !argumentIs(args, where, 'MIN')) {
    reply.error(SYNTAX);
    return;
  }
  const count = lastCountAt(context, where + 1);
  if (count > 0) popFirst(context, where, highest, count);
}

function popFirst(context: Context, end: number, highest: boolean, count: number): void {
  const { args, keys, reply } = context;
  for (let i = FIRST_COUNTED_KEY; i < end; i++) {
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
