/**
 * INCR, DECR, INCRBY and DECRBY: adding to a value that reads as an integer of 64 bits.
 *
 * While everything fits 53 bits nothing is allocated. A sum with as many digits as the old value
 * is written over it: no lookup, no resize, no other byte of the entry changes. The reply copies
 * these digits, so that each sum is turned into text once.
 */
import { EVENT_INCRBY } from '../../../keyspace/events.js';
import { NOT_INTEGER, OVERFLOW } from '../../../protocol/errors.js';
import {
  formatInteger,
  INT64_MAX,
  INT64_MIN,
  INTEGER_BIG,
  INTEGER_OK,
  integerLength,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../../protocol/numbers.js';
import { STRING_AUTO } from '../../../values/string/type.js';
import type { Context } from '../../contract/context.js';
import { isString } from './values.js';

/** The value found, by parseValue. */
const parsed = new ParsedInteger();

/** Adds a safe integer to the value of argument 1 and answers with the sum. */
export function increment(context: Context, by: number): void {
  const { args, keys } = context;
  const found = keys.seek(args, 1);
  let value = 0;
  if (found) {
    const kind = parseValue(context);
    if (kind === NOT_AN_INTEGER) return;
    if (kind === INTEGER_BIG) {
      storeBig(context, found, parsed.big + BigInt(by));
      return;
    }
    value = parsed.value;
  }
  const sum = value + by;
  // A sum that was rounded is never safe, so a safe one is exact.
  if (Number.isSafeInteger(sum)) store(context, found, sum);
  else storeBig(context, found, BigInt(value) + BigInt(by));
}

/** The same for what a number may not hold. */
export function incrementBig(context: Context, by: bigint): void {
  const found = context.keys.seek(context.args, 1);
  let value = 0n;
  if (found) {
    const kind = parseValue(context);
    if (kind === NOT_AN_INTEGER) return;
    value = kind === INTEGER_OK ? BigInt(parsed.value) : parsed.big;
  }
  storeBig(context, found, value + by);
}

/** Parses the value found into `parsed`; when it is no integer, an error is answered. */
function parseValue(context: Context): number {
  if (!isString(context)) return NOT_AN_INTEGER;
  const { region, valueOffset, valueLength } = context.keys;
  const kind = parseInteger(region, valueOffset, valueLength, parsed);
  if (kind === NOT_AN_INTEGER) context.reply.error(NOT_INTEGER);
  return kind;
}

function store({ args, keys, reply }: Context, found: boolean, sum: number): void {
  const length = integerLength(sum);
  const inPlace = found && length === keys.valueLength;
  const offset = inPlace
    ? keys.beginEdit(STRING_AUTO, length, true)
    : keys.beginStore(STRING_AUTO, length, found ? keys.expiry : 0);
  formatInteger(keys.region, offset, sum);
  keys.commit(EVENT_INCRBY, args);
  reply.integerText(keys.region, offset, length);
}

function storeBig({ args, keys, reply }: Context, found: boolean, sum: bigint): void {
  if (sum < INT64_MIN || sum > INT64_MAX) {
    reply.error(OVERFLOW);
    return;
  }
  const text = sum.toString();
  const offset = keys.beginStore(STRING_AUTO, text.length, found ? keys.expiry : 0);
  for (let i = 0; i < text.length; i++) keys.region.bytes[offset + i] = text.charCodeAt(i);
  keys.commit(EVENT_INCRBY, args);
  reply.bigInteger(sum);
}
