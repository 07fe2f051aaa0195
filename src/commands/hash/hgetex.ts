/** HGETEX: values of fields, whose expiry is set or removed. */

import { invalidExpire } from '../../protocol/errors.js';
import type { Arguments } from '../../protocol/parser.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { expirationOr } from '../contract/expiration-argument.js';
import { FIELDS_ARGUMENT, FIELDS_NOT_POSITIVE, firstFieldAt, outcomes } from './lib/fields.js';
import { CONDITION_NONE, expireFields, fieldTimeAt, persistFields } from './lib/times.js';
import { FOUND, KEY_ARGUMENT, openForWrite, REFUSED, replyValues } from './lib/values.js';

const OPTION = 2;
const INVALID_EXPIRE = invalidExpire('hgetex');

const NO_OPTION = 0;
const EX = 1;
const PX = 2;
const EXAT = 3;
const PXAT = 4;
const PERSIST = 5;

function optionAt(args: Arguments, index: number): number {
  if (argumentIs(args, index, 'EX')) return EX;
  if (argumentIs(args, index, 'PX')) return PX;
  if (argumentIs(args, index, 'EXAT')) return EXAT;
  if (argumentIs(args, index, 'PXAT')) return PXAT;
  return argumentIs(args, index, 'PERSIST') ? PERSIST : NO_OPTION;
}

function run(context: Context): void {
  const { args } = context;
  const state = openForWrite(context);
  if (state === REFUSED) return;
  const option = optionAt(args, OPTION);
  const isTimed = option !== NO_OPTION && option !== PERSIST;
  const unitMs = option === EX || option === EXAT ? 1000 : 1;
  const origin = option === EX || option === PX ? context.now : 0;
  const time = isTimed ? fieldTimeAt(context, OPTION + 1, unitMs, origin, INVALID_EXPIRE) : 0;
  if (time < 0) return;
  const at = OPTION + (isTimed ? 2 : option === PERSIST ? 1 : 0);
  const first = firstFieldAt(context, at, FIELDS_NOT_POSITIVE);
  if (first === 0) return;
  replyValues(context, first, state === FOUND);
  if (state !== FOUND || option === NO_OPTION) return;
  outcomes.begin(args.count - first);
  if (isTimed) expireFields(context, first, time, CONDITION_NONE);
  else persistFields(context, first);
  outcomes.release();
}

export const hgetex: CommandDefinition = {
  name: 'hgetex',
  summary: 'Returns the values of fields of a hash and changes when they expire',
  since: '8.0.0',
  group: 'hash',
  complexity: 'O(N) where N is the number of specified fields',
  arity: -5,
  flags: ['write', 'fast'],
  keys: [
    {
      flags: ['RW', 'access', 'update'],
      notes: 'changes the expiry of the fields',
      begin: { index: 1 },
      find: { last: 0, step: 1, limit: 0 },
    },
  ],
  arguments: [
    KEY_ARGUMENT,
    expirationOr({ name: 'persist', type: 'pure-token', token: 'PERSIST' }),
    FIELDS_ARGUMENT,
  ],
  run,
};
