/** LINSERT: an element before or behind another one, the first that is equal to the pivot. */
import { EVENT_LINSERT } from '../../keyspace/events.js';
import { SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { insert, insertion } from './lib/edit.js';
import { isList, KEY, list } from './lib/values.js';

const PIVOT = 3;
const ELEMENT = 4;

function run(context: Context): void {
  const { args, keys, reply } = context;
  const isAfter = argumentIs(args, 2, 'AFTER');
  if (!isAfter && !argumentIs(args, 2, 'BEFORE')) {
    reply.error(SYNTAX);
    return;
  }
  if (!keys.seek(args, 1)) {
    reply.integer(0);
    return;
  }
  if (!isList(context)) return;
  const pivot = indexOfPivot(context);
  if (pivot < 0) {
    reply.integer(-1);
    return;
  }
  insertion.args = args;
  insertion.first = ELEMENT;
  insertion.end = ELEMENT + 1;
  insertion.isReversed = false;
  insertion.index = isAfter ? pivot + 1 : pivot;
  const count = insert(keys, true);
  keys.commit(EVENT_LINSERT, args);
  reply.integer(count);
}

/** -1 when no element of the list found is equal to the pivot. */
function indexOfPivot({ args, keys }: Context): number {
  list.open(keys);
  list.lookFor(args.region, args.offset[PIVOT]!, args.length[PIVOT]!);
  for (let more = list.seek(0); more; more = list.next()) {
    if (list.matches()) return list.index;
  }
  return -1;
}

export const linsert: CommandDefinition = {
  name: 'linsert',
  summary: 'Puts an element before or behind another one of a list',
  since: '2.2.0',
  group: 'list',
  complexity:
    'O(N) where N is the number of elements to traverse before seeing the value pivot. This means ' +
    'that inserting somewhere on the left end on the list (head) can be considered O(1) and ' +
    'inserting somewhere on the right end (tail) is O(N).',
  arity: 5,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'RW', 'insert')],
  arguments: [
    KEY,
    {
      name: 'where',
      type: 'oneof',
      arguments: [
        { name: 'before', type: 'pure-token', token: 'BEFORE' },
        { name: 'after', type: 'pure-token', token: 'AFTER' },
      ],
    },
    { name: 'pivot', type: 'string' },
    { name: 'element', type: 'string' },
  ],
  run,
};
