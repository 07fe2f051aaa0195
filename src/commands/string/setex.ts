/** SETEX and PSETEX: SET with a time to live, in seconds or in milliseconds. */
import { type ErrorReply, invalidExpire } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { timeAt } from './lib/options.js';
import { storeArgumentUntil } from './lib/values.js';

const SETEX_INVALID = invalidExpire('setex');
const PSETEX_INVALID = invalidExpire('psetex');

function setUntil(context: Context, unitMs: number, invalid: ErrorReply): void {
  const expiry = timeAt(context, 2, unitMs, true, invalid);
  if (expiry === 0) return;
  context.keys.seek(context.args, 1);
  storeArgumentUntil(context, 3, expiry);
  context.reply.ok();
}

export const setex: CommandDefinition = {
  name: 'setex',
  summary: 'Stores a string under a key for a number of seconds',
  since: '2.0.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'OW', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'seconds', type: 'integer' },
    { name: 'value', type: 'string' },
  ],
  run: (context) => setUntil(context, 1000, SETEX_INVALID),
};

export const psetex: CommandDefinition = {
  name: 'psetex',
  summary: 'Stores a string under a key for a number of milliseconds',
  since: '2.6.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'OW', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'milliseconds', type: 'integer' },
    { name: 'value', type: 'string' },
  ],
  run: (context) => setUntil(context, 1, PSETEX_INVALID),
};
