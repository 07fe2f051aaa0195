/** GETEX: GET that may set or take away the time when the key ends. */
import { EVENT_DEL, EVENT_EXPIRE, EVENT_PERSIST } from '../../keyspace/events.js';
import { invalidExpire, SYNTAX } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { OPTION_PERSIST, OPTIONS_TIMED, options, optionTime, parseOptions } from './lib/options.js';
import { emitDelete, isString, replyValue } from './lib/values.js';

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
    endAt(context, expiry);
    return;
  }
  replyValue(context);
  if (options.given === OPTION_PERSIST && keys.expiry !== 0) {
    keys.setExpiry(0, EVENT_PERSIST);
    keys.effects.begin('PERSIST').argument(args, 1).end(keys.shard, keys.database);
  }
}

/** A time that has come already takes the key at once. */
function endAt(context: Context, expiry: number): void {
  const { args, keys } = context;
  if (expiry <= context.now) {
    keys.remove(EVENT_DEL);
    emitDelete(context);
    return;
  }
  keys.setExpiry(expiry, EVENT_EXPIRE);
  keys.effects.begin('PEXPIREAT').argument(args, 1).word(expiry).end(keys.shard, keys.database);
}

export const getex: CommandDefinition = {
  name: 'getex',
  summary: 'Returns the string stored under a key and changes when the key ends',
  since: '6.2.0',
  group: 'string',
  complexity: 'O(1)',
  arity: -2,
  flags: ['write', 'fast'],
  keys: [
    {
      flags: ['RW', 'access', 'update'],
      notes: 'changes when the key ends',
      begin: { index: 1 },
      find: { last: 0, step: 1, limit: 0 },
    },
  ],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    {
      name: 'expiration',
      type: 'oneof',
      flags: ['optional'],
      arguments: [
        { name: 'seconds', type: 'integer', token: 'EX' },
        { name: 'milliseconds', type: 'integer', token: 'PX' },
        { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT' },
        { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT' },
        { name: 'persist', type: 'pure-token', token: 'PERSIST' },
      ],
    },
  ],
  effect: 'own',
  run,
};
