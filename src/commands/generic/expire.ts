/** EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT: a key gets an expiry. */
import { invalidExpire } from '../../protocol/errors.js';
import {
  type ArgumentSpecification,
  type CommandDefinition,
  keysAt,
} from '../contract/definition.js';
import { expireKey } from './lib/expire.js';

const INVALID_EXPIRE = invalidExpire('expire');
const INVALID_PEXPIRE = invalidExpire('pexpire');
const INVALID_EXPIREAT = invalidExpire('expireat');
const INVALID_PEXPIREAT = invalidExpire('pexpireat');

const KEYS = [keysAt(1, 0, 1, 'RW', 'update')];
const HISTORY: CommandDefinition['history'] = [['7.0.0', 'NX, XX, GT and LT.']];

function argumentsWith(time: ArgumentSpecification): readonly ArgumentSpecification[] {
  return [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    time,
    {
      name: 'condition',
      type: 'oneof',
      since: '7.0.0',
      flags: ['optional'],
      arguments: [
        { name: 'nx', type: 'pure-token', token: 'NX' },
        { name: 'xx', type: 'pure-token', token: 'XX' },
        { name: 'gt', type: 'pure-token', token: 'GT' },
        { name: 'lt', type: 'pure-token', token: 'LT' },
      ],
    },
  ];
}

export const expire: CommandDefinition = {
  name: 'expire',
  summary: 'Lets a key expire after so many seconds',
  since: '1.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: -3,
  flags: ['write', 'fast'],
  keys: KEYS,
  arguments: argumentsWith({ name: 'seconds', type: 'integer' }),
  history: HISTORY,
  run: (context) => expireKey(context, 1000, true, INVALID_EXPIRE),
};

export const pexpire: CommandDefinition = {
  name: 'pexpire',
  summary: 'Lets a key expire after so many milliseconds',
  since: '2.6.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: -3,
  flags: ['write', 'fast'],
  keys: KEYS,
  arguments: argumentsWith({ name: 'milliseconds', type: 'integer' }),
  history: HISTORY,
  run: (context) => expireKey(context, 1, true, INVALID_PEXPIRE),
};

export const expireat: CommandDefinition = {
  name: 'expireat',
  summary: 'Lets a key expire at a time, given in seconds since 1970',
  since: '1.2.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: -3,
  flags: ['write', 'fast'],
  keys: KEYS,
  arguments: argumentsWith({ name: 'unix-time-seconds', type: 'unix-time' }),
  history: HISTORY,
  run: (context) => expireKey(context, 1000, false, INVALID_EXPIREAT),
};

export const pexpireat: CommandDefinition = {
  name: 'pexpireat',
  summary: 'Lets a key expire at a time, given in milliseconds since 1970',
  since: '2.6.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: -3,
  flags: ['write', 'fast'],
  keys: KEYS,
  arguments: argumentsWith({ name: 'unix-time-milliseconds', type: 'unix-time' }),
  history: HISTORY,
  run: (context) => expireKey(context, 1, false, INVALID_PEXPIREAT),
};
