/** LTRIM: leaves a range of the elements of a list, and removes those before and behind it. */
import { EVENT_DEL, EVENT_LTRIM } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { trim } from './lib/edit.js';
import { ListRange } from './lib/range.js';
import { isList, KEY, list } from './lib/values.js';

const range = new ListRange();

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!range.read(context)) return;
  if (!keys.seek(args, 1)) {
    reply.ok();
    return;
  }
  if (!isList(context)) return;
  list.open(keys);
  range.apply(list.count);
  if (range.count === 0) {
    keys.announce(EVENT_LTRIM);
    keys.remove(EVENT_DEL);
  } else {
    trim(keys, range.first, range.count);
    keys.commit(EVENT_LTRIM, args);
  }
  reply.ok();
}

export const ltrim: CommandDefinition = {
  name: 'ltrim',
  summary: 'Removes all elements of a list but those of a range',
  since: '1.0.0',
  group: 'list',
  complexity: 'O(N) where N is the number of elements to be removed by the operation.',
  arity: 4,
  flags: ['write'],
  keys: [keysAt(1, 0, 1, 'RW', 'delete')],
  arguments: [KEY, { name: 'start', type: 'integer' }, { name: 'stop', type: 'integer' }],
  run,
};
