/** Numbers of databases among the arguments. */
import { ErrorReply, NOT_INTEGER } from '../../../protocol/errors.js';
import { NOT_AN_INTEGER, ParsedInteger, parseInteger } from '../../../protocol/numbers.js';
import type { Context } from '../../contract/context.js';

const INT_MAX = 2 ** 31 - 1;
const BEYOND_INT = new ErrorReply(
  `ERR value is out of range, value must between ${-INT_MAX - 1} and ${INT_MAX}`,
);

const parsed = new ParsedInteger();

/**
 * Argument `index` as an integer of 32 bits; whether there is such a database is another question.
 *
 * @param invalid the error for what is none, in place of the general ones
 * @returns NaN when an error was answered
 */
export function databaseNumber(context: Context, index: number, invalid?: ErrorReply): number {
  const { args, reply } = context;
  if (
    parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed) === NOT_AN_INTEGER
  ) {
    reply.error(invalid ?? NOT_INTEGER);
    return Number.NaN;
  }
  const value = parsed.value;
  if (value >= -INT_MAX - 1 && value <= INT_MAX) return value;
  reply.error(invalid ?? BEYOND_INT);
  return Number.NaN;
}

export function databaseExists({ keys }: Context, database: number): boolean {
  return database >= 0 && database < keys.shards.databases;
}
