/** Patterns that choose keys or elements, given as an argument. */
import type { Region } from '../../base/region.js';
import { matchGlob } from '../../protocol/glob.js';
import type { Arguments } from '../../protocol/parser.js';

const STAR = 42;

/** Whether argument `index` is `*`, which takes everything, what is empty too (a glob does not). */
export function takesAll(args: Arguments, index: number): boolean {
  return args.length[index] === 1 && args.region.bytes[args.offset[index]!] === STAR;
}

/** Whether bytes match the pattern that is argument `index`. */
export function matchesPattern(
  args: Arguments,
  index: number,
  region: Region,
  offset: number,
  length: number,
): boolean {
  const at = args.offset[index]!;
  return matchGlob(args.region, at, args.length[index]!, region, offset, length, false);
}
