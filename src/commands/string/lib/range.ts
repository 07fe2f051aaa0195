/** The arguments that say where a range begins and ends: GETRANGE, BITCOUNT and BITPOS. */
import { NOT_AN_INTEGER, ParsedInteger, parseInteger } from '../../../protocol/numbers.js';
import type { Arguments } from '../../../protocol/parser.js';

const INT64_MIN = -(2n ** 63n);
const parsed = new ParsedInteger();

/**
 * Argument `index` as one end of a range.
 *
 * @returns NaN when it is no integer. Beyond 2^53 the nearest number: the value ends long before, but
 * which of two ends comes first still has to be right.
 */
export function rangeEndAt(args: Arguments, index: number): number {
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed);
  if (kind === NOT_AN_INTEGER) return Number.NaN;
  // The least integer comes before its neighbour, which is the same number.
  if (parsed.value === -(2 ** 63) && parsed.big === INT64_MIN) return Number.NEGATIVE_INFINITY;
  return parsed.value;
}
