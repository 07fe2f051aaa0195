/** LINDEX: one element of a list. A negative index counts from the end. */
import { NOT_INTEGER } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isList, KEY, list, replyElement } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seekForRead(args, 1)) {
    reply.nullBulk();
    return;
  }
  if (!isList(context)) return;
  const index = parseIndex(args.region, args.offset[2]!, args.length[2]!);
  if (Number.isNaN(index)) {
    reply.error(NOT_INTEGER);
    return;
  }
  list.open(keys);
  if (list.seek(index < 0 ? index + list.count : index)) replyElement(context);
  else reply.nullBulk();
}

export const lindex: CommandDefinition = {
  name: 'lindex',
  summary: 'Returns the element at an index of a list',
  since: '1.0.0',
  group: 'list',
  complexity:
    'O(N) where N is the number of elements to traverse to get to the element at index. This ' +
    'makes asking for the first or the last element of the list O(1).',
  arity: 3,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [KEY, { name: 'index', type: 'integer' }],
  run,
};
