/** A command's arguments as the parser hands them over. */
import type { ArgumentVector } from '../../src/base/arguments.js';
import { Region } from '../../src/base/region.js';

/** @param words one char per byte */
export function argumentVector(words: readonly string[]): ArgumentVector {
  const bytes = words.reduce((sum, word) => sum + word.length, 0);
  const region = new Region(new SharedArrayBuffer((bytes + 15) & ~7), 0);
  const offset = new Int32Array(words.length);
  const length = new Int32Array(words.length);
  let at = 0;
  words.forEach((word, i) => {
    region.bytes.set(Buffer.from(word, 'latin1'), at);
    offset[i] = at;
    length[i] = word.length;
    at += word.length;
  });
  return { region, count: words.length, offset, length };
}
