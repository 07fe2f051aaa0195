/** The words of rules, as byte strings (one char a byte), split and joined as Redis does. */
import { untilNul } from '../../protocol/errors.js';
import { splitInline } from '../../protocol/inline.js';
import { Arguments } from '../../protocol/parser.js';

/** Those of the C locale, where the no-break space of \s is a letter; and NUL. */
const BLANK = /[\t-\r \0]/;

/** Whether a name or a pattern has a blank or a NUL, which would not survive a line of a file. */
export function hasBlanks(text: string): boolean {
  return BLANK.test(text);
}

/** Splits at blanks, with quotes and escapes; no words at all when the quotes are not balanced. */
export function splitQuoted(text: string): string[] {
  const line = Buffer.from(untilNul(text), 'latin1');
  const bytes = new Uint8Array(new SharedArrayBuffer(Math.max(line.length, 1)));
  bytes.set(line);
  const args = new Arguments();
  if (!splitInline(args, bytes, 0, line.length)) return [];
  const words: string[] = [];
  for (let i = 0; i < args.count; i++) {
    const start = args.offset[i]!;
    const word = bytes.slice(start, start + args.length[i]!);
    words.push(Buffer.from(word).toString('latin1'));
  }
  return words;
}

export interface JoinedWords {
  readonly words: readonly string[];
  /** The word with a parenthesis that is never closed. */
  readonly unmatched?: string;
}

/** Joins the words of a selector in parentheses to one: `(+get`, `~a)` becomes `(+get ~a)`. */
export function joinSelectors(words: readonly string[]): JoinedWords {
  const joined: string[] = [];
  let selector: string | undefined;
  let opening = '';
  for (const word of words) {
    if (word.startsWith('(') && !word.endsWith(')')) {
      // An opening word within a selector begins it anew.
      selector = word;
      opening = word;
    } else if (selector === undefined) {
      joined.push(word);
    } else {
      selector += ` ${untilNul(word)}`;
      if (word.endsWith(')')) {
        joined.push(selector);
        selector = undefined;
      }
    }
  }
  return selector === undefined ? { words: joined } : { words: joined, unmatched: opening };
}
