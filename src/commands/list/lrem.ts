/** LREM: removes elements equal to one given: some from the beginning, some from the end, or all. */
import { EVENT_DEL, EVENT_LREM } from '../../keyspace/events.js';
import { NOT_INTEGER } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { matches, removeMatches } from './lib/edit.js';
import { isList, KEY } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  const count = parseIndex(args.region, args.offset[2]!, args.length[2]!);
  if (Number.isNaN(count)) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (!keys.seek(args, 1)) {
    reply.integer(0);
    return;
  }
  if (!isList(context)) return;
  matches.source = args.region;
  matches.offset = args.offset[3]!;
  matches.length = args.length[3]!;
  matches.most = count === 0 ? Number.POSITIVE_INFINITY : Math.abs(count);
  matches.fromTail = count < 0;
  const left = removeMatches(keys);
  const { removed } = matches;
  if (left === 0) {
    keys.announce(EVENT_LREM);
    keys.remove(EVENT_DEL);
  } else if (removed > 0) keys.commit(EVENT_LREM, args);
  reply.integer(removed);
}

export const lrem: CommandDefinition = {
  name: 'lrem',
  summary: 'Removes elements equal to the one given from a list',
  since: '1.0.0',
  group: 'list',
  complexity: 'O(N+M) where N is the length of the list and M is the number of elements removed.',
  arity: 4,
  flags: ['write'],
  keys: [keysAt(1, 0, 1, 'RW', 'delete')],
  arguments: [KEY, { name: 'count', type: 'integer' }, { name: 'element', type: 'string' }],
  run,
};
