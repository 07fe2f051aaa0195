/**
 * Words of the configuration's syntax: splitting a line with its quotes, quoting a value, matching a
 * name. All on binary strings (one char per byte), as the configuration holds values of any bytes;
 * the rules are the protocol's for inline commands and globs.
 */
import { Region, toBinary } from '../../base/region.js';
import { matchGlob } from '../../protocol/glob.js';
import { splitInline } from '../../protocol/inline.js';
import { Arguments } from '../../protocol/parser.js';

function regionOf(text: string): Region {
  const region = new Region(new SharedArrayBuffer(Math.ceil((text.length + 1) / 8) * 8), 0);
  region.bytes.set(Buffer.from(text, 'latin1'));
  return region;
}

/** The words of a line, unquoted; null when its quotes are not balanced. */
export function splitWords(line: string): string[] | null {
  const args = new Arguments();
  args.region = regionOf(line);
  if (!splitInline(args, args.region.bytes, 0, line.length)) return null;
  const words: string[] = [];
  for (let i = 0; i < args.count; i++) {
    words.push(toBinary(args.region, args.offset[i]!, args.length[i]!));
  }
  return words;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
};

/** The word in double quotes, with escapes for all that is not printable ASCII. */
export function quoteWord(word: string): string {
  const inner = word.replace(/[^ !#-[\]-~]/g, (char) => {
    return ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${inner}"`;
}

/** Whether a name matches a glob pattern, in any case. */
export function nameMatches(pattern: string, name: string): boolean {
  return matchGlob(regionOf(pattern), 0, pattern.length, regionOf(name), 0, name.length, true);
}

/** Text of the outside world as a binary string: its UTF-8 bytes, one char each. */
export function toBinaryString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A binary string as text, for paths and messages. */
export function fromBinaryString(binary: string): string {
  return Buffer.from(binary, 'latin1').toString('utf8');
}
