/**
 * LTRIM: leaves a range of the elements of a list, and removes those before and behind it. Its effects
 * are a pop at each end: a list that is being shipped to a replica in parts goes on after those.
 */
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
    const behind = list.count - range.first - range.count;
    trim(keys, range.first, range.count);
    emitPops(keys, range.first, behind);
  }
  reply.ok();
}

function emitPops(keys: Context['keys'], head: number, tail: number): void {
  // A range of all elements is a change all the same, to whoever watches the key: it pops none.
  const isAtHead = head > 0 || tail === 0;
  const effect = keys.custom(EVENT_LTRIM, isAtHead ? 'LPOP' : 'RPOP');
  if (!keys.effects.active) return;
  if (isAtHead) effect.word(`${head}`).end();
  if (tail === 0) return;
  if (isAtHead) effect.begin('RPOP');
  effect.word(`${tail}`).end();
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
