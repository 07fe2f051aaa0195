/** Words of a command that no client has sent, as the vector of a command. */
import { Region } from '../../../base/region.js';
import { Arguments } from '../../../protocol/parser.js';

/** @param words one char a byte */
export function argumentsOf(words: readonly string[]): Arguments {
  const bytes = Buffer.from(words.join(''), 'latin1');
  const args = new Arguments();
  args.region = new Region(new SharedArrayBuffer((bytes.length + 8) & ~7), 0);
  args.region.bytes.set(bytes);
  let offset = 0;
  for (const word of words) {
    args.push(offset, word.length);
    offset += word.length;
  }
  return args;
}
