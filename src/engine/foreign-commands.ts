/** Commands that another server has sent or written, as they stand in an error or a line of the log. */
import { shownFromPeer } from '../base/peer-text.js';
import { prefixBinary } from '../base/region.js';
import type { Arguments } from '../protocol/parser.js';
import type { Reply } from '../protocol/reply.js';

const NAME_BYTES_MAX = 64;
const ERROR_BYTES_MAX = 256;
const MINUS = 0x2d;

/** The first words of a command, for people. */
export function foreignName(args: Arguments): string {
  const { region, offset, length } = args;
  const words: string[] = [];
  for (let i = 0; i < Math.min(2, args.count); i++) {
    words.push(shownFromPeer(prefixBinary(region, offset[i]!, length[i]!, NAME_BYTES_MAX)));
  }
  return words.join(' ');
}

/** What a command that failed has answered. Within a transaction the error is one of many replies. */
export function answeredError({ region, start, position, errorCode }: Reply): string {
  if (region.bytes[start] !== MINUS) return errorCode;
  return prefixBinary(region, start + 1, position - start - 3, ERROR_BYTES_MAX);
}
