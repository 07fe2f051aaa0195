/** Arguments and replies of 64 bits. */
import type { ErrorReply } from '../../../protocol/errors.js';
import {
  INTEGER_OK,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../../protocol/numbers.js';
import type { Reply } from '../../../protocol/reply.js';
import type { Count } from '../../../values/stream/count.js';
import type { Context } from '../../contract/context.js';

const parsed = new ParsedInteger();

/** Takes argument `index`. False: the error is answered. */
export function countAt(
  { args, reply }: Context,
  index: number,
  error: ErrorReply,
  into: Count,
): boolean {
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed);
  if (kind === INTEGER_OK) into.set(parsed.value);
  else if (kind !== NOT_AN_INTEGER) into.setBig(parsed.big);
  else {
    reply.error(error);
    return false;
  }
  return true;
}

export function replyCount(reply: Reply, count: Count): void {
  const { number } = count;
  if (Number.isSafeInteger(number)) reply.integer(number);
  else reply.bigInteger(count.toBig());
}
