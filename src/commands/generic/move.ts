/** MOVE: a key goes to another database, unless that has it already. */
import { EVENT_MOVE_FROM, EVENT_MOVE_TO } from '../../keyspace/events.js';
import { DB_INDEX, SAME_OBJECT } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { databaseExists, databaseNumber } from './lib/database.js';
import { emitDelete } from './lib/effects.js';
import { emitTransferred, transfer } from './lib/transfer.js';

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
  const { region, offset, length } = args;
  if (!keys.seek(args, 1) || keys.seekKey(database, region, offset[1]!, length[1]!)) {
    reply.integer(0);
    return;
  }
  transfer(context, 1, database, null);
  keys.remove(EVENT_MOVE_FROM);
  emitDelete(context, 1);
  emitTransferred(context);
  if (keys.listener !== null) {
    keys.seekKey(database, region, offset[1]!, length[1]!);
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
  effect: 'own',
  run,
};
