/** Arguments of 64 bits that may need all of them. */
import type { ErrorReply } from '../../../protocol/errors.js';
import {
  INTEGER_OK,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../../protocol/numbers.js';
import type { Context } from '../../contract/context.js';

const parsed = new ParsedInteger();

/** Argument `index`, null when the error is answered. */
export function bigIntegerAt(
  { args, reply }: Context,
  index: number,
  error: ErrorReply,
): bigint | null {
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed);
  if (kind === INTEGER_OK) return BigInt(parsed.value);
  if (kind !== NOT_AN_INTEGER) return parsed.big;
  reply.error(error);
  return null;
}
