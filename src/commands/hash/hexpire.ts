/** HEXPIRE, HPEXPIRE, HEXPIREAT and HPEXPIREAT: fields that expire. */
import { type ErrorReply, invalidExpire } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import {
  type ArgumentSpecification,
  type CommandDefinition,
  keysAt,
} from '../contract/definition.js';
import {
  FIELDS_ARGUMENT,
  FIELDS_NOT_ABOVE_ZERO,
  firstFieldAt,
  NO_FIELD,
  outcomes,
  replyForEach,
} from './lib/fields.js';
import {
  CONDITION_GT,
  CONDITION_LT,
  CONDITION_NONE,
  CONDITION_NX,
  CONDITION_XX,
  expireFields,
  fieldTimeAt,
} from './lib/times.js';
import { ABSENT, KEY_ARGUMENT, openForWrite, REFUSED } from './lib/values.js';

const TIME = 2;
const OPTION = 3;

function conditionOf({ args }: Context): number {
  if (argumentIs(args, OPTION, 'NX')) return CONDITION_NX;
  if (argumentIs(args, OPTION, 'XX')) return CONDITION_XX;
  if (argumentIs(args, OPTION, 'GT')) return CONDITION_GT;
  return argumentIs(args, OPTION, 'LT') ? CONDITION_LT : CONDITION_NONE;
}

function expire(context: Context, unitMs: number, origin: number, invalid: ErrorReply): void {
  const { args, reply } = context;
  const state = openForWrite(context);
  if (state === REFUSED) return;
  const time = fieldTimeAt(context, TIME, unitMs, origin, invalid);
  if (time < 0) return;
  const condition = conditionOf(context);
  const at = condition === CONDITION_NONE ? OPTION : OPTION + 1;
  const first = firstFieldAt(context, at, FIELDS_NOT_ABOVE_ZERO);
  if (first === 0) return;
  const count = args.count - first;
  if (state === ABSENT) {
    replyForEach(reply, count, NO_FIELD);
    return;
  }
  outcomes.begin(count);
  expireFields(context, first, time, condition);
  outcomes.reply(reply, count);
  outcomes.release();
}

const INVALID_HEXPIRE = invalidExpire('hexpire');
const INVALID_HPEXPIRE = invalidExpire('hpexpire');
const INVALID_HEXPIREAT = invalidExpire('hexpireat');
const INVALID_HPEXPIREAT = invalidExpire('hpexpireat');

const KEYS = [keysAt(1, 0, 1, 'RW', 'update')];

function argumentsWith(time: ArgumentSpecification): ArgumentSpecification[] {
  const condition: ArgumentSpecification = {
    name: 'condition',
    type: 'oneof',
    flags: ['optional'],
    arguments: [
      { name: 'nx', type: 'pure-token', token: 'NX' },
      { name: 'xx', type: 'pure-token', token: 'XX' },
      { name: 'gt', type: 'pure-token', token: 'GT' },
      { name: 'lt', type: 'pure-token', token: 'LT' },
    ],
  };
  return [KEY_ARGUMENT, time, condition, FIELDS_ARGUMENT];
}

const SHARED = {
  since: '7.4.0',
  group: 'hash',
  complexity: 'O(N) where N is the number of specified fields',
  arity: -6,
  flags: ['write', 'denyoom', 'fast'],
  keys: KEYS,
} as const satisfies Partial<CommandDefinition>;

export const hexpire: CommandDefinition = {
  ...SHARED,
  name: 'hexpire',
  summary: 'Lets fields of a hash expire after some seconds',
  arguments: argumentsWith({ name: 'seconds', type: 'integer' }),
  run: (context) => expire(context, 1000, context.now, INVALID_HEXPIRE),
};

export const hpexpire: CommandDefinition = {
  ...SHARED,
  name: 'hpexpire',
  summary: 'Lets fields of a hash expire after some milliseconds',
  arguments: argumentsWith({ name: 'milliseconds', type: 'integer' }),
  run: (context) => expire(context, 1, context.now, INVALID_HPEXPIRE),
};

export const hexpireat: CommandDefinition = {
  ...SHARED,
  name: 'hexpireat',
  summary: 'Lets fields of a hash expire at a time in seconds',
  arguments: argumentsWith({ name: 'unix-time-seconds', type: 'unix-time' }),
  run: (context) => expire(context, 1000, 0, INVALID_HEXPIREAT),
};

export const hpexpireat: CommandDefinition = {
  ...SHARED,
  name: 'hpexpireat',
  summary: 'Lets fields of a hash expire at a time in milliseconds',
  arguments: argumentsWith({ name: 'unix-time-milliseconds', type: 'unix-time' }),
  elements: { by: 'hash', first: 2, step: 1, element: 0, keyword: 'FIELDS' },
  run: (context) => expire(context, 1, 0, INVALID_HPEXPIREAT),
};
