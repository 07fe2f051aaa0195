/**
 * Giving fields of the hash opened an expiry, removing one, and what follows from both: effects with
 * absolute times, and the events of Redis 8.
 *
 *     decide   an outcome for each field; what needs room happens here, and is undone when there is none
 *     commit   the entry, then one effect and one event for each kind of outcome
 */
import {
  EVENT_DEL,
  EVENT_HDEL,
  EVENT_HEXPIRE,
  EVENT_HPERSIST,
  type KeyspaceEvent,
} from '../../../keyspace/events.js';
import { ErrorReply, NOT_INTEGER } from '../../../protocol/errors.js';
import { NOT_AN_INTEGER, ParsedInteger, parseInteger } from '../../../protocol/numbers.js';
import type { Context } from '../../contract/context.js';
import { DELETED, DONE, NO_EXPIRY, NO_FIELD, outcomes, REFUSED_BY_CONDITION } from './fields.js';
import { writeHash } from './store.js';
import { findField, hash } from './values.js';

export const CONDITION_NONE = 0;
export const CONDITION_NX = 1;
export const CONDITION_XX = 2;
export const CONDITION_GT = 3;
export const CONDITION_LT = 4;

/** A quarter of 48 bits, as Redis keeps two of them for itself. */
export const FIELD_TIME_MAX = 70_368_744_177_663;
const TIME_NEGATIVE = new ErrorReply('ERR invalid expire time, must be >= 0');
const EFFECT_EXPIRE_AT = 'HPEXPIREAT';
const EFFECT_PERSIST = 'HPERSIST';
const EFFECT_REMOVE = 'HDEL';

const parsed = new ParsedInteger();

/**
 * Argument `index` as the time when fields expire.
 * @param origin what it is relative to, 0 for a time since 1970
 * @returns milliseconds since 1970, or -1 when an error was answered
 */
export function fieldTimeAt(
  { args, reply }: Context,
  index: number,
  unitMs: number,
  origin: number,
  invalid: ErrorReply,
): number {
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed);
  if (kind === NOT_AN_INTEGER) {
    reply.error(NOT_INTEGER);
  } else if (parsed.value < 0) {
    reply.error(TIME_NEGATIVE);
  } else {
    // Beyond 2^53 the value is rounded, but too large in any case.
    const time = parsed.value * unitMs + origin;
    if (parsed.value * unitMs <= FIELD_TIME_MAX && time <= FIELD_TIME_MAX) return time;
    reply.error(invalid);
  }
  return -1;
}

/** Whether fields with this time go at once. A replica leaves that to its primary. */
export function isPast({ keys, now }: Context, time: number): boolean {
  return time <= now && keys.expiresKeys;
}

/** Whether a condition lets a field that expires at `current` (0: never) expire at `time` instead. */
function allows(condition: number, current: number, time: number): boolean {
  switch (condition) {
    case CONDITION_NX:
      return current === 0;
    case CONDITION_XX:
      return current !== 0;
    case CONDITION_GT:
      return current !== 0 && time > current;
    case CONDITION_LT:
      return current === 0 || time < current;
    default:
      return true;
  }
}

/**
 * Lets the fields from argument `first` on expire at a time, or removes them when it is past.
 * @returns false when nothing was changed
 * @throws StoreFullError
 */
export function expireFields(
  context: Context,
  first: number,
  time: number,
  condition: number,
): boolean {
  const past = isPast(context, time);
  // A time of 0 means none; what is past on a replica as well.
  const expiry = Math.max(time, 1);
  if (past) {
    decideEach(context, first, expiry, condition);
  } else {
    if (!mayChange(context, first, condition)) {
      decideUnchanged(context, first);
      return false;
    }
    if (!hash.makeNested(context.settings)) throw context.keys.full();
    if (!setEach(context, first, expiry, condition)) {
      hash.abandon();
      throw context.keys.full();
    }
  }
  const count = context.args.count - first;
  if (outcomes.count(count, DONE) > 0) commitTimes(context, first, expiry);
  else if (!past) hash.abandon();
  return commitRemoved(context, first) || outcomes.count(count, DONE) > 0;
}

/** Whether a field of a packed hash would change: else it is not made nested. */
function mayChange({ args }: Context, first: number, condition: number): boolean {
  if (hash.nested) return true;
  if (condition === CONDITION_XX || condition === CONDITION_GT) return false;
  for (let i = first; i < args.count; i++) {
    if (hash.find(args.region, args.offset[i]!, args.length[i]!)) return true;
  }
  return false;
}

function decideUnchanged(context: Context, first: number): void {
  for (let i = first; i < context.args.count; i++) {
    outcomes.set(i - first, findField(context, i) ? REFUSED_BY_CONDITION : NO_FIELD);
  }
}

/** Removes the fields whose time is past. */
function decideEach(context: Context, first: number, time: number, condition: number): void {
  for (let i = first; i < context.args.count; i++) {
    let outcome = NO_FIELD;
    if (findField(context, i)) {
      outcome = allows(condition, hash.expiry, time) ? DELETED : REFUSED_BY_CONDITION;
      if (outcome === DELETED) hash.removeFound();
    }
    outcomes.set(i - first, outcome);
  }
}

/** Sets the times, all or none. @returns false: no room */
function setEach(context: Context, first: number, time: number, condition: number): boolean {
  const { times } = outcomes.before;
  for (let i = first; i < context.args.count; i++) {
    let outcome = NO_FIELD;
    if (findField(context, i)) {
      times[i - first] = hash.expiry;
      outcome = allows(condition, hash.expiry, time) ? DONE : REFUSED_BY_CONDITION;
      if (outcome === DONE && !hash.setExpiry(time)) {
        undo(context, first, i);
        return false;
      }
    }
    outcomes.set(i - first, outcome);
  }
  return true;
}

/** The last one first: a field may have come twice. What an entry had before it has room for. */
function undo(context: Context, first: number, end: number): void {
  const { times } = outcomes.before;
  for (let i = end - 1; i >= first; i--) {
    if (outcomes.get(i - first) === DONE && findField(context, i))
      hash.setExpiry(times[i - first]!);
  }
}

/** Commits the fields that got a time. */
function commitTimes(context: Context, first: number, time: number): void {
  const { keys, args } = context;
  const done = outcomes.count(args.count - first, DONE);
  writeHash(context);
  const effect = keys.custom(EVENT_HEXPIRE, EFFECT_EXPIRE_AT);
  effect.time(time).word('FIELDS').word(`${done}`);
  outcomes.append(effect, context, first, DONE).end();
}

/** Commits the fields that are gone, and the hash with the last of them. */
export function commitRemoved(context: Context, first: number): boolean {
  if (outcomes.count(context.args.count - first, DELETED) === 0) return false;
  commitFields(context, first, DELETED, EVENT_HDEL, EFFECT_REMOVE);
  if (hash.size === 0) context.keys.remove(EVENT_DEL);
  else hash.tidy();
  return true;
}

/** Lets the fields from argument `first` on no longer expire. */
export function persistFields(context: Context, first: number): void {
  const { args } = context;
  for (let i = first; i < args.count; i++) {
    let outcome = NO_FIELD;
    if (findField(context, i)) {
      outcome = hash.expiry === 0 ? NO_EXPIRY : DONE;
      if (outcome === DONE) hash.setExpiry(0);
    }
    outcomes.set(i - first, outcome);
  }
  const done = outcomes.count(args.count - first, DONE);
  if (done === 0) return;
  context.keys.beginEdit(hash.kind, hash.length, true);
  const effect = context.keys.custom(EVENT_HPERSIST, EFFECT_PERSIST);
  outcomes.append(effect.word('FIELDS').word(`${done}`), context, first, DONE).end();
}

function commitFields(
  context: Context,
  first: number,
  outcome: number,
  event: KeyspaceEvent,
  verb: string,
): void {
  hash.at = context.keys.beginEdit(hash.kind, hash.length, true);
  outcomes.append(context.keys.custom(event, verb), context, first, outcome).end();
}
