/** A command vector made of strings, one char per byte. Off the data path. */
import { newRegion } from '../base/owned-region.js';
import { Arguments } from './parser.js';

export function argumentsOf(words: readonly string[]): Arguments {
  let bytes = 0;
  for (const word of words) bytes += word.length;
  const region = newRegion(Math.max(8, bytes));
  const buffer = Buffer.from(region.buffer, region.bytes.byteOffset, region.length);
  const args = new Arguments();
  args.region = region;
  let at = 0;
  for (const word of words) {
    buffer.write(word, at, 'latin1');
    args.push(at, word.length);
    at += word.length;
  }
  return args;
}
