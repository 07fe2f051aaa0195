/**
 * INCR, DECR, INCRBY and DECRBY: adding to a value that reads as an integer of 64 bits.
 *
 * While everything fits 53 bits nothing is allocated, and a result with as many digits as the old
 * value is written over it.
 */
import { EVENT_INCRBY } from '../../../keyspace/events.js';
import { STRING_AUTO } from '../../../keyspace/kinds.js';
import { NOT_INTEGER, OVERFLOW } from '../../../protocol/errors.js';
import {
  formatInteger,
  INT64_MAX,
  INT64_MIN,
  INTEGER_BIG,
  INTEGER_OK,
  integerLength,
  NOT_AN_INTEGER,
  parsedInteger,
  parseInteger,
} from '../../../protocol/numbers.js';
import type { Context } from '../../contract/context.js';
import { isString } from './values.js';

/** Adds a safe integer to the value of argument 1 and answers with the sum. */
export function increment(context: Context, by: number): void {
  const { keys, reply } = context;
  const found = keys.seek(context.args, 1);
  let value = 0;
  if (found) {
    const kind = parseValue(context);
    if (kind === NOT_AN_INTEGER) return;
    if (kind === INTEGER_BIG) {
      storeBig(context, found, parsedInteger.big + BigInt(by));
      return;
    }
    value = parsedInteger.value;
  }
  const sum = value + by;
  // A sum that was rounded is never safe, so a safe one is exact.
  if (!Number.isSafeInteger(sum)) {
    storeBig(context, found, BigInt(value) + BigInt(by));
    return;
  }
  store(context, found, sum);
  reply.integer(sum);
}

/** The same for what a number may not hold. */
export function incrementBig(context: Context, by: bigint): void {
  const found = context.keys.seek(context.args, 1);
  let value = 0n;
  if (found) {
    const kind = parseValue(context);
    if (kind === NOT_AN_INTEGER) return;
    value = kind === INTEGER_OK ? BigInt(parsedInteger.value) : parsedInteger.big;
  }
  storeBig(context, found, value + by);
}

/** Parses the value found; when it is no integer, an error is answered. */
function parseValue(context: Context): number {
  if (!isString(context)) return NOT_AN_INTEGER;
  const { region, valueOffset, valueLength } = context.keys;
  const kind = parseInteger(region, valueOffset, valueLength);
  if (kind === NOT_AN_INTEGER) context.reply.error(NOT_INTEGER);
  return kind;
}

function store(context: Context, found: boolean, sum: number): void {
  const { keys } = context;
  const length = integerLength(sum);
  if (found && length === keys.valueLength) {
    if (keys.kind !== STRING_AUTO) keys.setKind(STRING_AUTO);
    keys.changed(EVENT_INCRBY);
    formatInteger(keys.region, keys.valueOffset, sum);
    return;
  }
  const offset = keys.put(STRING_AUTO, length, found ? keys.expiry : 0, EVENT_INCRBY);
  formatInteger(keys.region, offset, sum);
}

function storeBig(context: Context, found: boolean, sum: bigint): void {
  const { keys, reply } = context;
  if (sum < INT64_MIN || sum > INT64_MAX) {
    reply.error(OVERFLOW);
    return;
  }
  const text = sum.toString();
  const offset = keys.put(STRING_AUTO, text.length, found ? keys.expiry : 0, EVENT_INCRBY);
  for (let i = 0; i < text.length; i++) keys.region.bytes[offset + i] = text.charCodeAt(i);
  reply.bigInteger(sum);
}
