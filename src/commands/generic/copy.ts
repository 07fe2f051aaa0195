/** COPY: the value of a key under another key too, in any database. */
import { EVENT_COPY_TO } from '../../keyspace/events.js';
import { DB_INDEX, SAME_OBJECT, SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { databaseExists, databaseNumber } from './lib/database.js';
import { sameKey } from './lib/same-key.js';

const INVALID = -1;

class Options {
  database = 0;
  replace = false;
}

const options = new Options();

/** Reads the arguments from 3 on. @returns false when an error was answered */
function parseOptions(context: Context): boolean {
  const { args, keys, reply } = context;
  options.database = keys.database;
  options.replace = false;
  for (let i = 3; i < args.count; i++) {
    if (argumentIs(args, i, 'REPLACE')) {
      options.replace = true;
    } else if (argumentIs(args, i, 'DB') && i + 1 < args.count) {
      options.database = databaseAt(context, ++i);
      if (options.database === INVALID) return false;
    } else {
      reply.error(SYNTAX);
      return false;
    }
  }
  return true;
}

function databaseAt(context: Context, index: number): number {
  const database = databaseNumber(context, index);
  if (Number.isNaN(database)) return INVALID;
  if (databaseExists(context, database)) return database;
  context.reply.error(DB_INDEX);
  return INVALID;
}

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!parseOptions(context)) return;
  const { database, replace } = options;
  if (database === keys.database && sameKey(context)) {
    reply.error(SAME_OBJECT);
    return;
  }
  const taken = !keys.seekForRead(args, 1) || (keys.seekIn(database, args, 2) && !replace);
  if (taken) {
    reply.integer(0);
    return;
  }
  keys.seek(args, 1);
  keys.copyValue(args, 2, database, EVENT_COPY_TO);
  reply.integer(1);
}

export const copy: CommandDefinition = {
  name: 'copy',
  summary: 'Stores a copy of a value under another key',
  since: '6.2.0',
  group: 'generic',
  complexity:
    'O(N) worst case for collections, where N is the number of nested items. O(1) for string values.',
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'RO', 'access'), keysAt(2, 0, 1, 'OW', 'update')],
  arguments: [
    { name: 'source', type: 'key', keySpecIndex: 0 },
    { name: 'destination', type: 'key', keySpecIndex: 1 },
    { name: 'destination-db', type: 'integer', token: 'DB', flags: ['optional'] },
    { name: 'replace', type: 'pure-token', token: 'REPLACE', flags: ['optional'] },
  ],
  run,
};
