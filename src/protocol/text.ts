/**
 * Arguments as words: comparing them with option names without allocating, and taking them out as
 * strings where that is what is needed (names of commands, settings, error texts).
 */
import type { ArgumentVector } from '../base/arguments.js';
import { boundedBinary, type Region } from '../base/region.js';

/**
 * Whether the bytes are this word, in any case.
 *
 * @param word ASCII in upper case
 */
export function bytesAre(region: Region, offset: number, length: number, word: string): boolean {
  if (length !== word.length) return false;
  const bytes = region.bytes;
  for (let i = 0; i < length; i++) {
    let byte = bytes[offset + i]!;
    if (byte >= 97 && byte <= 122) byte -= 32;
    if (byte !== word.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether argument `i` is this word, in any case; `word` is ASCII in upper case. */
export function argumentIs(args: ArgumentVector, i: number, word: string): boolean {
  return bytesAre(args.region, args.offset[i]!, args.length[i]!, word);
}

/** Argument `i` as a string of one byte per char; what is too long for one is cut. */
export function argumentBinary(args: ArgumentVector, i: number): string {
  return boundedBinary(args.region, args.offset[i]!, args.length[i]!);
}

/** The arguments from `first` on, `countMax` of them at most, one byte per char. */
export function argumentsBinary(
  args: ArgumentVector,
  first: number,
  countMax = args.count,
): string[] {
  const texts: string[] = [];
  const end = Math.min(args.count, first + countMax);
  for (let i = first; i < end; i++) texts.push(argumentBinary(args, i));
  return texts;
}
