/** HDEL: fields go, and the hash with the last of them. */
import { EVENT_HDEL } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';
import { beginRemoval, endRemoval } from './lib/removal.js';
import { FOUND, hash, KEY_ARGUMENT, openForWrite, REFUSED } from './lib/values.js';

const FIRST_FIELD = 2;

function run(context: Context): void {
  const { args, keys, reply } = context;
  const state = openForWrite(context);
  if (state === REFUSED) return;
  const removed = state === FOUND ? hash.removeAll(args, FIRST_FIELD) : 0;
  if (removed > 0) {
    beginRemoval(context);
    keys.commit(EVENT_HDEL, args);
    endRemoval(context);
  }
  reply.integer(removed);
}

export const hdel: CommandDefinition = {
  name: 'hdel',
  summary: 'Removes fields of a hash',
  since: '2.0.0',
  group: 'hash',
  complexity: 'O(N) where N is the number of fields to be removed.',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -3,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'delete')],
  arguments: [KEY_ARGUMENT, { name: 'field', type: 'string', flags: ['multiple'] }],
  history: [['2.4.0', 'Several fields.']],
  elements: { by: 'hash', first: 2, step: 1, element: 0 },
  run,
};
