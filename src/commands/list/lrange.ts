/** LRANGE: the elements from one index to another, both included. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { ListRange } from './lib/range.js';
import { isList, KEY, list, replyElement } from './lib/values.js';

const range = new ListRange();

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!range.read(context)) return;
  if (!keys.seekForRead(args, 1)) {
    reply.emptyArray();
    return;
  }
  if (!isList(context)) return;
  list.open(keys);
  range.apply(list.count);
  reply.array(range.count);
  list.seek(range.first);
  for (let left = range.count; left > 0; left--) {
    replyElement(context);
    list.next();
  }
}

export const lrange: CommandDefinition = {
  name: 'lrange',
  summary: 'Returns a range of the elements of a list',
  since: '1.0.0',
  group: 'list',
  complexity:
    'O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end ' +
    '(HEAD or TAIL) for large lists; and N is the number of elements in the specified range.',
  arity: 4,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [KEY, { name: 'start', type: 'integer' }, { name: 'stop', type: 'integer' }],
  run,
};
