/** ZREM: removes members. */
import { EVENT_ZREM } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';
import { commitRemoval, edit, openEdit } from './lib/write.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seek(args, 1)) {
    reply.integer(0);
    return;
  }
  if (!openEdit(context, true, args.count === 3)) return;
  let removed = 0;
  for (let i = 2; i < args.count; i++) {
    if (!edit.find(args.region, args.offset[i]!, args.length[i]!)) continue;
    edit.remove();
    removed++;
  }
  if (removed > 0) commitRemoval(context, EVENT_ZREM);
  reply.integer(removed);
}

export const zrem: CommandDefinition = {
  name: 'zrem',
  summary: 'Removes members from a sorted set',
  since: '1.2.0',
  group: 'sorted-set',
  complexity:
    'O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -3,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'delete')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string', flags: ['multiple'] },
  ],
  history: [['2.4.0', 'Accepts multiple elements.']],
  elements: { by: 'hash', first: 2, step: 1, element: 0 },
  run,
};
