/**
 * What EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT have in common. Times have 64 bits, as in Redis
 * (base/expiry-time.ts); those of 53 bits are computed with numbers.
 */

import { expiryOf, isEarlier, TIME_MAX } from '../../../base/expiry-time.js';
import { EVENT_DEL, EVENT_EXPIRE } from '../../../keyspace/events.js';
import {
  type ErrorReply,
  EXPIRE_GT_LT,
  EXPIRE_NX_XX_GT_LT,
  NOT_INTEGER,
} from '../../../protocol/errors.js';
import {
  INT64_MIN,
  INTEGER_BIG,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../../protocol/numbers.js';
import { argumentIs } from '../../../protocol/text.js';
import type { Context } from '../../contract/context.js';
import { errorQuoting } from '../../contract/quote.js';

const CONDITION_NX = 1;
const CONDITION_XX = 2;
const CONDITION_GT = 4;
const CONDITION_LT = 8;
const INVALID = -1;

const FIRST_OPTION = 3;
/** A time that is past, whatever it was exactly. */
const PAST = 0;

/** The time as it was given. */
const parsed = new ParsedInteger();

/** Lets the key that is argument 1 expire at the time that is argument 2, and answers. */
export function expireKey(
  context: Context,
  unitMs: number,
  relative: boolean,
  invalid: ErrorReply,
): void {
  const { args, keys, reply } = context;
  const conditions = conditionsOf(context);
  if (conditions === INVALID) return;
  const kind = parseInteger(args.region, args.offset[2]!, args.length[2]!, parsed);
  if (kind === NOT_AN_INTEGER) {
    reply.error(NOT_INTEGER);
    return;
  }
  const time = timeOf(parsed, kind === INTEGER_BIG, unitMs, relative ? context.now : 0);
  if (Number.isNaN(time)) {
    reply.error(invalid);
    return;
  }
  if (!keys.seek(args, 1) || (conditions !== 0 && !allowed(conditions, time, keys.expiry))) {
    reply.integer(0);
    return;
  }
  expireAt(context, time);
  reply.integer(1);
}

/** The integer given as an expiry, or PAST. NaN: it does not fit 64 bits. */
function timeOf(given: ParsedInteger, isBig: boolean, unitMs: number, origin: number): number {
  const near = given.value * unitMs + origin;
  if (!isBig && near <= Number.MAX_SAFE_INTEGER) return Math.max(near, PAST);
  const time64 = isBig ? given.big : BigInt(given.value);
  const milliseconds = time64 * BigInt(unitMs);
  if (milliseconds < INT64_MIN) return Number.NaN;
  const time = milliseconds + BigInt(origin);
  if (milliseconds > TIME_MAX || time > TIME_MAX) return Number.NaN;
  return time <= 0n ? PAST : expiryOf(time);
}

/** The options as bits, or INVALID when an error was answered. */
function conditionsOf(context: Context): number {
  const { args, reply } = context;
  let conditions = 0;
  for (let i = FIRST_OPTION; i < args.count; i++) {
    if (argumentIs(args, i, 'NX')) conditions |= CONDITION_NX;
    else if (argumentIs(args, i, 'XX')) conditions |= CONDITION_XX;
    else if (argumentIs(args, i, 'GT')) conditions |= CONDITION_GT;
    else if (argumentIs(args, i, 'LT')) conditions |= CONDITION_LT;
    else {
      errorQuoting(context, 'ERR Unsupported option ', i);
      return INVALID;
    }
  }
  if ((conditions & CONDITION_NX) !== 0 && conditions !== CONDITION_NX) {
    reply.error(EXPIRE_NX_XX_GT_LT);
    return INVALID;
  }
  const both = CONDITION_GT | CONDITION_LT;
  if ((conditions & both) === both) {
    reply.error(EXPIRE_GT_LT);
    return INVALID;
  }
  return conditions;
}

/** Whether the conditions let a key that expires at `current` (0: never) expire at `time` instead. */
function allowed(conditions: number, time: number, current: number): boolean {
  const expires = current !== 0;
  if ((conditions & CONDITION_NX) !== 0 && expires) return false;
  if ((conditions & CONDITION_XX) !== 0 && !expires) return false;
  if ((conditions & CONDITION_GT) !== 0 && (!expires || !isEarlier(current, time))) return false;
  return (conditions & CONDITION_LT) === 0 || !expires || isEarlier(time, current);
}

/** Removes the key at once when the time is past, unless the primary does that. */
function expireAt({ keys, now }: Context, time: number): void {
  const isPast = time >= PAST && time <= now;
  if (isPast && keys.expiresKeys) keys.remove(EVENT_DEL);
  else keys.expireAt(time === PAST ? 1 : time, EVENT_EXPIRE);
}
