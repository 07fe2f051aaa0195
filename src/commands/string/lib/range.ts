/** The arguments that say where a range begins and ends: GETRANGE, BITCOUNT and BITPOS. */
import { NOT_AN_INTEGER, ParsedInteger, parseInteger } from '../../../protocol/numbers.js';
import type { Arguments } from '../../../protocol/parser.js';

const parsed = new ParsedInteger();

/**
 * Argument `index` as one end of a range.
 *
 * @returns NaN when it is no integer. Beyond 2^53 the nearest number: the value ends long before, but
 * which of two ends comes first still has to be right.
 */
export function rangeEndAt(args: Arguments, index: number): number {
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed);
  return kind === NOT_AN_INTEGER ? Number.NaN : parsed.value;
}
