/**
 * SMOVE: moves a member from one set to another. It is added first, as only that can fail; events come
 * in Redis's order. Each key has an effect of its own.
 */
import { EVENT_NEW, EVENT_SADD, EVENT_SREM } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { sameKey } from '../generic/lib/same-key.js';
import { addMember, beginShrunk, takeMember, tidyShrunk } from './lib/edit.js';
import { isSet, member, place, takeArgument } from './lib/values.js';

const SOURCE = 1;
const DESTINATION = 2;
const MEMBER = 3;

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seek(args, SOURCE)) {
    reply.integer(0);
    return;
  }
  if (!isSet(context)) return;
  place.take(keys);
  takeArgument(context, MEMBER);
  const had = place.has(member);
  const found = keys.seek(args, DESTINATION);
  if (found && !isSet(context)) return;
  if (had && !sameKey(context)) move(context, found);
  reply.integer(had ? 1 : 0);
}

function move(context: Context, found: boolean): void {
  const { args, keys } = context;
  // The source's events come before those of the destination.
  keys.tellsCreation = false;
  let added = false;
  try {
    added = addMember(context, found);
  } finally {
    keys.tellsCreation = true;
  }
  if (added) keys.custom(null, 'SADD').argument(args, MEMBER).end();
  keys.seek(args, SOURCE);
  takeMember(context);
  if (beginShrunk(context, EVENT_SREM)) {
    keys.custom(EVENT_SREM, 'SREM').argument(args, MEMBER).end();
    tidyShrunk();
  }
  if (!added || keys.listener === null) return;
  keys.seek(args, DESTINATION);
  if (!found) keys.announce(EVENT_NEW);
  keys.announce(EVENT_SADD);
}

export const smove: CommandDefinition = {
  name: 'smove',
  summary: 'Moves a member from one set to another',
  since: '1.0.0',
  group: 'set',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'delete'), keysAt(2, 0, 1, 'RW', 'insert')],
  arguments: [
    { name: 'source', type: 'key', keySpecIndex: 0 },
    { name: 'destination', type: 'key', keySpecIndex: 1 },
    { name: 'member', type: 'string' },
  ],
  run,
};
