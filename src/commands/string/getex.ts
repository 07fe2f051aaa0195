/** GETEX: GET that may set or remove the key's expiry. */

import { EVENT_DEL, EVENT_EXPIRE } from '../../keyspace/events.js';
import { invalidExpire, SYNTAX } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { expirationOr } from '../contract/expiration-argument.js';
import { OPTION_PERSIST, OPTIONS_TIMED, options, optionTime, parseOptions } from './lib/options.js';
import { isString, replyValue } from './lib/values.js';

const INVALID_EXPIRE = invalidExpire('getex');

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!parseOptions(args, 2, OPTIONS_TIMED | OPTION_PERSIST)) {
    reply.error(SYNTAX);
    return;
  }
  if (!keys.seekForRead(args, 1)) {
    reply.nullBulk();
    return;
  }
  if (!isString(context)) return;
  if ((options.given & OPTIONS_TIMED) !== 0) {
    const expiry = optionTime(context, INVALID_EXPIRE);
    if (expiry === 0) return;
    replyValue(context);
    expireAt(context, expiry);
    return;
  }
  replyValue(context);
  if (options.given === OPTION_PERSIST && keys.expiry !== 0) keys.persist();
}

/** Removes the key at once when the time is past. */
function expireAt({ keys, now }: Context, expiry: number): void {
  if (expiry > 0 && expiry <= now) keys.remove(EVENT_DEL);
  else keys.expireAt(expiry, EVENT_EXPIRE);
}

export const getex: CommandDefinition = {
  name: 'getex',
  summary: 'Returns the string stored under a key and changes the expiry of the key',
  since: '6.2.0',
  group: 'string',
  complexity: 'O(1)',
  arity: -2,
  flags: ['write', 'fast'],
  keys: [
    {
      flags: ['RW', 'access', 'update'],
      notes: 'changes the expiry of the key',
      begin: { index: 1 },
      find: { last: 0, step: 1, limit: 0 },
    },
  ],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    expirationOr({ name: 'persist', type: 'pure-token', token: 'PERSIST' }),
  ],
  run,
};
