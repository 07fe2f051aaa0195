/** MOVE: a key goes to another database, unless that has it already. */
import { EVENT_MOVE_FROM, EVENT_MOVE_TO } from '../../keyspace/events.js';
import { DB_INDEX, SAME_OBJECT } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { databaseExists, databaseNumber } from './lib/database.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  const database = databaseNumber(context, 2);
  if (Number.isNaN(database)) return;
  if (!databaseExists(context, database)) {
    reply.error(DB_INDEX);
    return;
  }
  if (database === keys.database) {
    reply.error(SAME_OBJECT);
    return;
  }
  if (!keys.seek(args, 1) || keys.seekIn(database, args, 1)) {
    reply.integer(0);
    return;
  }
  keys.seek(args, 1);
  keys.moveValue(args, 1, 1, database, EVENT_MOVE_FROM);
  if (keys.listener !== null) {
    keys.seekIn(database, args, 1);
    keys.announce(EVENT_MOVE_TO);
  }
  reply.integer(1);
}

export const move: CommandDefinition = {
  name: 'move',
  summary: 'Takes a key to another database',
  since: '1.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'db', type: 'integer' },
  ],
  run,
};
