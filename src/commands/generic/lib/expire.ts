/**
 * What EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT have in common. Times are absolute milliseconds in
 * a double, so those beyond 2^53 (the year 287396) are invalid here, where Redis goes on to 2^63.
 */
import { EVENT_DEL, EVENT_EXPIRE } from '../../../keyspace/events.js';
import {
  type ErrorReply,
  EXPIRE_GT_LT,
  EXPIRE_NX_XX_GT_LT,
  NOT_INTEGER,
  unsupportedOption,
} from '../../../protocol/errors.js';
import {
  INTEGER_BIG,
  NOT_AN_INTEGER,
  parsedInteger,
  parseInteger,
} from '../../../protocol/numbers.js';
import { argumentIs } from '../../../protocol/text.js';
import type { Context } from '../../contract/context.js';
import { emitDelete } from './effects.js';

const CONDITION_NX = 1;
const CONDITION_XX = 2;
const CONDITION_GT = 4;
const CONDITION_LT = 8;
const INVALID = -1;

const FIRST_OPTION = 3;
/** Seconds before these do not fit 64 bits as milliseconds. */
const SECONDS_MIN = -(2n ** 63n) / 1000n;

/** Ends the key that is argument 1 at the time that is argument 2, and answers. */
export function expireKey(
  context: Context,
  unitMs: number,
  relative: boolean,
  invalid: ErrorReply,
): void {
  const { args, keys, reply } = context;
  const conditions = conditionsOf(context);
  if (conditions === INVALID) return;
  const kind = parseInteger(args.region, args.offset[2]!, args.length[2]!);
  if (kind === NOT_AN_INTEGER) {
    reply.error(NOT_INTEGER);
    return;
  }
  const time = parsedInteger.value * unitMs + (relative ? context.now : 0);
  if (time > Number.MAX_SAFE_INTEGER || (kind === INTEGER_BIG && tooEarly(unitMs))) {
    reply.error(invalid);
    return;
  }
  if (!keys.seek(args, 1) || (conditions !== 0 && !allowed(conditions, time, keys.expiry))) {
    reply.integer(0);
    return;
  }
  endAt(context, time);
  reply.integer(1);
}

function tooEarly(unitMs: number): boolean {
  return unitMs > 1 && parsedInteger.big < SECONDS_MIN;
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
      reply.error(unsupportedOption(context.text(i)));
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

/** Whether the conditions let a key that ends at `current` (0: never) end at `time` instead. */
function allowed(conditions: number, time: number, current: number): boolean {
  const ends = current !== 0;
  if ((conditions & CONDITION_NX) !== 0 && ends) return false;
  if ((conditions & CONDITION_XX) !== 0 && !ends) return false;
  if ((conditions & CONDITION_GT) !== 0 && (!ends || time <= current)) return false;
  return (conditions & CONDITION_LT) === 0 || !ends || time < current;
}

/** A time that has come already takes the key at once, unless its end is the primary's business. */
function endAt(context: Context, time: number): void {
  const { args, keys } = context;
  if (time <= context.now && keys.expiresKeys) {
    keys.remove(EVENT_DEL);
    emitDelete(context, 1);
    return;
  }
  const expiry = Math.max(time, 1);
  keys.setExpiry(expiry, EVENT_EXPIRE);
  if (!keys.effects.active) return;
  keys.effects.begin('PEXPIREAT').argument(args, 1).word(expiry).end(keys.shard, keys.database);
}
