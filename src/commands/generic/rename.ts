/** RENAME and RENAMENX. */
import { EVENT_RENAME_FROM, EVENT_RENAME_TO } from '../../keyspace/events.js';
import { NO_KEY } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { sameKey } from './lib/same-key.js';

const ARGUMENTS: CommandDefinition['arguments'] = [
  { name: 'key', type: 'key', keySpecIndex: 0 },
  { name: 'newkey', type: 'key', keySpecIndex: 1 },
];

/** @returns whether the key has its new name; false also when an error was answered */
function renameKey(context: Context, replace: boolean): boolean {
  const { args, keys, reply } = context;
  if (!keys.seek(args, 1)) {
    reply.error(NO_KEY);
    return false;
  }
  if (sameKey(context)) {
    if (!replace) reply.integer(0);
    return replace;
  }
  if (!replace && keys.seek(args, 2)) {
    reply.integer(0);
    return false;
  }
  keys.seek(args, 1);
  keys.moveValue(args, 1, 2, keys.database, EVENT_RENAME_FROM);
  if (keys.listener !== null) {
    keys.seek(args, 2);
    keys.announce(EVENT_RENAME_TO);
  }
  return true;
}

export const rename: CommandDefinition = {
  name: 'rename',
  summary: 'Gives a key another name, in place of a key that has it',
  since: '1.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'delete'), keysAt(2, 0, 1, 'OW', 'update')],
  arguments: ARGUMENTS,
  run(context) {
    if (renameKey(context, true)) context.reply.ok();
  },
};

export const renamenx: CommandDefinition = {
  name: 'renamenx',
  summary: 'Gives a key another name, unless a key has it',
  since: '1.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'delete'), keysAt(2, 0, 1, 'OW', 'insert')],
  arguments: ARGUMENTS,
  history: [['3.2.0', 'No error any more when the two names are the same.']],
  run(context) {
    if (renameKey(context, false)) context.reply.integer(1);
  },
};
