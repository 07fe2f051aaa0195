/**
 * HSETEX: fields with their values and, perhaps, a time when they expire. Fields whose time is past are
 * removed instead. The effect has the absolute time and no condition.
 */

import { EVENT_HEXPIRE, EVENT_HSET } from '../../keyspace/events.js';
import { ErrorReply, invalidExpire, untilNul, wrongArity } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { Arguments } from '../../protocol/parser.js';
import { argumentIs } from '../../protocol/text.js';
import { EXPIRY_KEPT, EXPIRY_NONE } from '../../values/hash/writer.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { expirationOr } from '../contract/expiration-argument.js';
import { DELETED, NO_FIELD, outcomes } from './lib/fields.js';
import { writeHash } from './lib/store.js';
import { commitRemoved, fieldTimeAt, isPast } from './lib/times.js';
import {
  ABSENT,
  FOUND,
  findField,
  hash,
  KEY_ARGUMENT,
  openOrCreate,
  REFUSED,
} from './lib/values.js';

const FIRST_OPTION = 2;
const WRONG_ARITY = wrongArity('hsetex');
const INVALID_EXPIRE = invalidExpire('hsetex');
const ONE_CONDITION = new ErrorReply('ERR Only one of FXX or FNX arguments can be specified');
const ONE_EXPIRY = new ErrorReply(
  'ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified',
);
const NO_TIME = new ErrorReply('ERR missing expire time');
const NO_FIELDS = new ErrorReply('ERR missing FIELDS argument');
const INVALID_FIELDS = new ErrorReply('ERR invalid number of fields');

const EFFECT_SET = 'HSET';
const EFFECT_SET_EXPIRING = 'HSETEX';
const EFFECT_EXPIRE_AT = 'HPEXPIREAT';

/** Of one command. */
class Options {
  mustExist = false;
  mustNotExist = false;
  /** A time, EXPIRY_NONE or EXPIRY_KEPT. */
  expiry = EXPIRY_NONE;
  /** Whether one of EX, PX, EXAT, PXAT and KEEPTTL was given. */
  hasExpiry = false;
  /** Index of the first field. */
  first = 0;

  begin(): void {
    this.mustExist = false;
    this.mustNotExist = false;
    this.expiry = EXPIRY_NONE;
    this.hasExpiry = false;
    this.first = 0;
  }
}

const options = new Options();

/** Reads the arguments into `options`. @returns false when an error was answered */
function parse(context: Context): boolean {
  const { args, reply } = context;
  options.begin();
  for (let i = FIRST_OPTION; i < args.count; i++) {
    if (argumentIs(args, i, 'FIELDS')) return parseFields(context, i);
    const mustExist = argumentIs(args, i, 'FXX');
    if (mustExist || argumentIs(args, i, 'FNX')) {
      if (options.mustExist || options.mustNotExist) return refuse(context, ONE_CONDITION);
      options.mustExist = mustExist;
      options.mustNotExist = !mustExist;
    } else if (isExpiryOption(args, i)) {
      if (!parseExpiry(context, i)) return false;
      if (options.expiry !== EXPIRY_KEPT) i++;
    } else {
      reply.errorText(`ERR unknown argument: ${untilNul(context.text(i))}`);
      return false;
    }
  }
  return refuse(context, NO_FIELDS);
}

function refuse({ reply }: Context, error: ErrorReply): boolean {
  reply.error(error);
  return false;
}

function isExpiryOption(args: Arguments, i: number): boolean {
  return (
    argumentIs(args, i, 'EX') ||
    argumentIs(args, i, 'PX') ||
    argumentIs(args, i, 'EXAT') ||
    argumentIs(args, i, 'PXAT') ||
    argumentIs(args, i, 'KEEPTTL')
  );
}

function parseExpiry(context: Context, i: number): boolean {
  const { args } = context;
  if (options.hasExpiry) return refuse(context, ONE_EXPIRY);
  options.hasExpiry = true;
  options.expiry = EXPIRY_KEPT;
  if (argumentIs(args, i, 'KEEPTTL')) return true;
  if (i + 1 >= args.count) return refuse(context, NO_TIME);
  const isRelative = argumentIs(args, i, 'EX') || argumentIs(args, i, 'PX');
  const unitMs = argumentIs(args, i, 'EX') || argumentIs(args, i, 'EXAT') ? 1000 : 1;
  const origin = isRelative ? context.now : 0;
  const time = fieldTimeAt(context, i + 1, unitMs, origin, INVALID_EXPIRE);
  // A time of 0 is past, but here it means none.
  options.expiry = Math.max(time, 1);
  return time >= 0;
}

function parseFields(context: Context, index: number): boolean {
  const { args } = context;
  if (index + 1 >= args.count) return refuse(context, WRONG_ARITY);
  const count = parseIndex(args.region, args.offset[index + 1]!, args.length[index + 1]!);
  if (!(count >= 1 && count < 2 ** 31)) return refuse(context, INVALID_FIELDS);
  options.first = index + 2;
  return args.count - options.first === count * 2 || refuse(context, WRONG_ARITY);
}

/** Whether the condition holds for all fields. */
function allowed(context: Context, exists: boolean): boolean {
  const { mustExist, mustNotExist, first } = options;
  if (!mustExist && !mustNotExist) return true;
  for (let i = first; i < context.args.count; i += 2) {
    if ((exists && findField(context, i)) !== mustExist) return false;
  }
  return true;
}

function run(context: Context): void {
  const { keys, args, reply, settings } = context;
  if (!parse(context)) return;
  const state = openOrCreate(context);
  if (state === REFUSED) return;
  if (!allowed(context, state === FOUND)) {
    reply.integer(0);
    return;
  }
  const { expiry, first } = options;
  if (expiry > 0 && isPast(context, expiry)) {
    if (state !== ABSENT) removeFields(context, first);
    reply.integer(1);
    return;
  }
  const meetsExpired = expiry === EXPIRY_KEPT && state === FOUND && anyExpired(context);
  if (!hash.setPairs(args, first, expiry, settings)) throw keys.full();
  writeHash(context);
  commit(context, meetsExpired ? EXPIRY_NONE : expiry);
  if (meetsExpired) commitTimes(context);
  reply.integer(1);
}

/** Whether one of the fields has expired and is still there. */
function anyExpired(context: Context): boolean {
  for (let i = options.first; i < context.args.count; i += 2) {
    if (!findField(context, i) && hash.foundExpired) return true;
  }
  return false;
}

function commit({ keys, args }: Context, expiry: number): void {
  const { first } = options;
  const effect = keys.custom(EVENT_HSET, expiry === EXPIRY_NONE ? EFFECT_SET : EFFECT_SET_EXPIRING);
  if (expiry === EXPIRY_KEPT) effect.word('KEEPTTL');
  else if (expiry !== EXPIRY_NONE) effect.word('PXAT').time(expiry);
  if (expiry !== EXPIRY_NONE) effect.word('FIELDS').word(`${(args.count - first) / 2}`);
  for (let i = first; i < args.count; i++) effect.argument(args, i);
  effect.end();
  if (expiry > 0) keys.announce(EVENT_HEXPIRE);
}

/** An effect for each time that was kept: a replica may have kept the one of a field that has expired. */
function commitTimes(context: Context): void {
  const { keys, args } = context;
  for (let i = options.first; i < args.count; i += 2) {
    if (!findField(context, i) || hash.expiry === 0) continue;
    keys.beginEdit(hash.kind, hash.length, true);
    const effect = keys.custom(null, EFFECT_EXPIRE_AT);
    effect.time(hash.expiry).word('FIELDS').word('1').argument(args, i).end();
  }
}

/** Removes the fields that would have expired at once. */
function removeFields(context: Context, first: number): void {
  const { args } = context;
  const count = args.count - first;
  outcomes.begin(count);
  for (let i = first; i < args.count; i += 2) {
    const found = findField(context, i);
    if (found) hash.removeFound();
    outcomes.set(i - first, found ? DELETED : NO_FIELD);
    outcomes.set(i + 1 - first, NO_FIELD);
  }
  commitRemoved(context, first);
  outcomes.release();
}

export const hsetex: CommandDefinition = {
  name: 'hsetex',
  summary: 'Sets fields of a hash, and when they expire',
  since: '8.0.0',
  group: 'hash',
  complexity: 'O(N) where N is the number of fields being set.',
  arity: -6,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: [
    KEY_ARGUMENT,
    {
      name: 'condition',
      type: 'oneof',
      flags: ['optional'],
      arguments: [
        { name: 'fnx', type: 'pure-token', token: 'FNX' },
        { name: 'fxx', type: 'pure-token', token: 'FXX' },
      ],
    },
    expirationOr({ name: 'keepttl', type: 'pure-token', token: 'KEEPTTL' }),
    {
      name: 'fields',
      type: 'block',
      token: 'FIELDS',
      arguments: [
        { name: 'numfields', type: 'integer' },
        {
          name: 'data',
          type: 'block',
          flags: ['multiple'],
          arguments: [
            { name: 'field', type: 'string' },
            { name: 'value', type: 'string' },
          ],
        },
      ],
    },
  ],
  elements: { by: 'hash', first: 2, step: 2, element: 0, keyword: 'FIELDS' },
  run,
};
