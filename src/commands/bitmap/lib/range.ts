/** The range that BITCOUNT and BITPOS look at: from start to end, both included, negative ones
 * counted from the value's end, in bytes or in bits. */
import type { Arguments } from '../../../protocol/parser.js';
import { argumentIs } from '../../../protocol/text.js';

export const UNIT_BYTE = 0;
export const UNIT_BIT = 1;
export const UNIT_UNKNOWN = 2;

export function unitAt(args: Arguments, index: number): number {
  if (argumentIs(args, index, 'BIT')) return UNIT_BIT;
  return argumentIs(args, index, 'BYTE') ? UNIT_BYTE : UNIT_UNKNOWN;
}

class BitRange {
  // Starts as a fraction, so that the engine stores the fields as doubles from the beginning.
  first = 0.5;
  last = 0.5;
}

/** The result of the last `setRange`: the numbers of its first and last bit. */
export const range = new BitRange();

/**
 * Puts the range in bits into `range`.
 *
 * @param length the value's bytes
 * @returns false when the range is empty
 */
export function setRange(start: number, end: number, unit: number, length: number): boolean {
  const total = unit === UNIT_BIT ? length * 8 : length;
  const first = Math.max(0, start < 0 ? start + total : start);
  const last = Math.min(total - 1, Math.max(0, end < 0 ? end + total : end));
  range.first = unit === UNIT_BIT ? first : first * 8;
  range.last = unit === UNIT_BIT ? last : last * 8 + 7;
  return first <= last;
}
