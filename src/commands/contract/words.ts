/** Several arguments as strings, for commands off the data path that hand them on to a port. */
import { TEXT_BYTES_MAX } from '../../base/region.js';
import { ErrorReply } from '../../protocol/errors.js';
import { argumentsBinary } from '../../protocol/text.js';
import type { Context } from './context.js';

export const WORDS_MAX = 16384;
const TOO_MANY = new ErrorReply(`ERR too many arguments, there may be ${WORDS_MAX}`);
const TOO_LONG = new ErrorReply(`ERR argument is too long, it may have ${TEXT_BYTES_MAX} bytes`);
/** So that many long ones do not fill the heap of their thread. */
export const WORDS_BYTES_MAX = 32 * 1024 * 1024;
const TOO_LONG_TOGETHER = new ErrorReply(
  `ERR arguments are too long, they may have ${WORDS_BYTES_MAX} bytes in all`,
);

/** All arguments from `first` on, one char per byte. Null: an error was written. */
export function wordsOf({ args, reply }: Context, first: number): string[] | null {
  if (args.count - first > WORDS_MAX) {
    reply.error(TOO_MANY);
    return null;
  }
  let bytes = 0;
  for (let i = first; i < args.count; i++) {
    const length = args.length[i]!;
    bytes += length;
    if (length <= TEXT_BYTES_MAX && bytes <= WORDS_BYTES_MAX) continue;
    reply.error(length > TEXT_BYTES_MAX ? TOO_LONG : TOO_LONG_TOGETHER);
    return null;
  }
  return argumentsBinary(args, first);
}
