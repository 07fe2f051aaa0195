/**
 * Replaces single characters in strings of any length.
 *
 * V8 ends the process ("invalid size error") when one `replace` has more than about 2^27 matches, so
 * long strings are done in pieces. Between two pieces the script's time and memory are counted.
 */
import { TextBuilder } from '../runtime/text-builder.js';

const PIECE_CHARACTERS = 2 ** 16;

/**
 * @param characters a global pattern that matches one character at a time
 * @throws LuaError when the result would be longer than a string may be
 */
export function replaceCharacters(
  text: string,
  characters: RegExp,
  replacement: (character: string) => string,
): string {
  if (text.length <= PIECE_CHARACTERS) return text.replace(characters, replacement);
  const pieces = new TextBuilder();
  for (let from = 0; from < text.length; from += PIECE_CHARACTERS) {
    pieces.push(text.slice(from, from + PIECE_CHARACTERS).replace(characters, replacement));
  }
  return pieces.finish();
}
