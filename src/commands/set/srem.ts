/** SREM: removes members from a set, and the key with the last of them. */
import { EVENT_SREM } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';
import { beginShrunk, takeArguments, tidyShrunk } from './lib/edit.js';
import { isSet } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seek(args, 1)) {
    reply.integer(0);
    return;
  }
  if (!isSet(context)) return;
  const removed = takeArguments(context, 2);
  if (removed > 0) {
    if (beginShrunk(context, EVENT_SREM)) {
      keys.commit(EVENT_SREM, args);
      tidyShrunk();
    }
    keys.changes += removed - 1;
  }
  reply.integer(removed);
}

export const srem: CommandDefinition = {
  name: 'srem',
  summary: 'Removes members from a set',
  since: '1.0.0',
  group: 'set',
  complexity: 'O(N) where N is the number of members to be removed.',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -3,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'delete')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string', flags: ['multiple'] },
  ],
  history: [['2.4.0', 'Several members.']],
  elements: { by: 'hash', first: 2, step: 1, element: 0 },
  run,
};
