/**
 * Text and bytes. Between page and server a word has one char per byte. What people see is UTF-8 where the
 * bytes are that and can be seen, else they are escaped as redis-cli does.
 */

const decoder = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** Control characters, and those that would turn or hide the text around them. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/u;

export function toWord(text: string): string {
  return String.fromCharCode(...encoder.encode(text));
}

/** Of a word: its text, or its bytes in quotes. */
export function toText(word: string): string {
  const text = decode(word);
  return text !== null && !UNSEEN.test(text) ? text : quoted(word);
}

function decode(word: string): string | null {
  try {
    return decoder.decode(Uint8Array.from(word, (char) => char.charCodeAt(0)));
  } catch {
    return null;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
  '"': '\\"',
  '\\': '\\\\',
};

/** As redis-cli shows a string. */
export function quoted(word: string): string {
  let text = '';
  for (const char of word) {
    const code = char.charCodeAt(0);
    const isPlain = code >= 0x20 && code < 0x7f;
    text += ESCAPES[char] ?? (isPlain ? char : `\\x${code.toString(16).padStart(2, '0')}`);
  }
  return `"${text}"`;
}

const UNESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
};

/**
 * The words of a line as redis-cli reads it: blanks between them, "quotes with \n and \x00", 'plain quotes'.
 * @returns null when quotes are not balanced
 */
export function splitLine(line: string): string[] | null {
  const words: string[] = [];
  let rest = line.trimStart();
  while (rest !== '') {
    const found = /^["']/.test(rest) ? quotedWord(rest) : plainWord(rest);
    if (found === null) return null;
    words.push(found.word);
    rest = found.rest.trimStart();
  }
  return words;
}

interface Found {
  readonly word: string;
  readonly rest: string;
}

function plainWord(text: string): Found | null {
  let end = 0;
  let word = '';
  while (end < text.length && !/\s/.test(text[end]!)) {
    // Quotes may begin within a word.
    if (text[end] === '"' || text[end] === "'") {
      const found = quotedWord(text.slice(end));
      return found === null ? null : { word: toWord(word) + found.word, rest: found.rest };
    }
    word += text[end++];
  }
  return { word: toWord(word), rest: text.slice(end) };
}

function quotedWord(text: string): Found | null {
  const quote = text[0]!;
  let word = '';
  let at = 1;
  while (at < text.length && text[at] !== quote) {
    if (text[at] !== '\\') {
      const char = String.fromCodePoint(text.codePointAt(at)!);
      word += toWord(char);
      at += char.length;
      continue;
    }
    const [char, length] = unescaped(text, at, quote);
    word += char;
    at += length;
  }
  const rest = text.slice(at + 1);
  // A closing quote ends the word.
  return at >= text.length || /^\S/.test(rest) ? null : { word, rest };
}

function unescaped(text: string, at: number, quote: string): [word: string, length: number] {
  const next = text[at + 1] ?? '';
  if (quote === "'") return next === "'" ? ["'", 2] : ['\\', 1];
  const hex = /^\\x([0-9a-fA-F]{2})/.exec(text.slice(at, at + 4))?.[1];
  if (hex !== undefined) return [String.fromCharCode(Number.parseInt(hex, 16)), 4];
  return [UNESCAPES[next] ?? toWord(next), 2];
}
