/**
 * The number by which SORT orders an element: what C's strtod makes of it. Blanks may come first, a NUL
 * byte ends the text, an empty text is 0, infinities are numbers; what a double cannot hold is none, nor
 * is a decimal below its normal range.
 */
import { prefixBinary, type Region } from '../../../base/region.js';
import { parseDouble, parseDoubleText } from '../../../protocol/doubles.js';

const LEAST_NORMAL = 2.2250738585072014e-308;
const TEXT_BYTES_MAX = 5 * 1024;
const HEXADECIMAL = /^[+-]?0x/i;

/** @returns NaN for what is no number */
export function sortNumber(region: Region, offset: number, length: number): number {
  const number = parseDouble(region, offset, length);
  const isPlain = Math.abs(number) >= LEAST_NORMAL || number === 0;
  return isPlain ? number : numberOfText(prefixBinary(region, offset, length, TEXT_BYTES_MAX));
}

function numberOfText(text: string): number {
  const end = text.indexOf('\0');
  const whole = end < 0 ? text : text.slice(0, end);
  if (whole === '') return 0;
  const trimmed = whole.replace(/^[ \t-\r]+/, '');
  const number = parseDoubleText(trimmed);
  const isSubnormal = number !== 0 && Math.abs(number) < LEAST_NORMAL;
  return isSubnormal && !HEXADECIMAL.test(trimmed) ? Number.NaN : number;
}
