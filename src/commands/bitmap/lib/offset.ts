/** The argument that says which bit: SETBIT, GETBIT and BITFIELD. */
import { parseIndex } from '../../../protocol/numbers.js';
import type { Arguments } from '../../../protocol/parser.js';

const HASH = 0x23;

/**
 * Argument `index` as a bit's number.
 *
 * @param width when not 0, "#n" means n times so many bits
 * @param bytesMax of the longest string (proto-max-bulk-len)
 * @returns -1 when it is none, or lies beyond the longest string
 */
export function bitOffsetAt(
  args: Arguments,
  index: number,
  width: number,
  bytesMax: number,
): number {
  const offset = args.offset[index]!;
  const length = args.length[index]!;
  const counted = width > 0 && length > 0 && args.region.bytes[offset] === HASH;
  const skip = counted ? 1 : 0;
  const given = parseIndex(args.region, offset + skip, length - skip);
  const bit = counted ? given * width : given;
  return bit >= 0 && bit < bytesMax * 8 ? bit : -1;
}
