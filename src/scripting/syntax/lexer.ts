/**
 * Cuts Lua 5.1 source into tokens, one at a time, with Lua's own error texts.
 *
 * The lexer keeps what error messages and line numbers need: the line of the current token, the
 * line of the one before it, and the text of the current token as it was written.
 */
import { LuaSyntaxError } from '../runtime/errors.js';
import { meter } from '../runtime/meter.js';
import { parseNumber } from '../runtime/number-text.js';
import { TextBuilder } from '../runtime/text-builder.js';

/** Kinds of tokens that have a value; all others are their own text. */
export const NAME = '<name>';
export const STRING = '<string>';
export const NUMBER = '<number>';
export const END = '<eof>';

const RESERVED = new Set(
  (
    'and break do else elseif end false for function if in local nil not or repeat return then ' +
    'true until while'
  ).split(' '),
);
const MAX_LINES = 2 ** 31 - 3;
/** Room for a chunk's name in errors at run time, and in those of syntax. */
const RUN_NAME_MAX = 60;
const SYNTAX_NAME_MAX = 80;
/** What becomes of a token: a part of the tree, and of the generated code. */
const TOKEN_BYTES = 200;
/** A million take seconds to compile, and nothing can interrupt that. */
const TOKENS_MAX = 2 ** 21;

const LF = 10;
const CR = 13;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const MINUS = 45;
const DOT = 46;
const EQUALS = 61;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const EOF = -1;

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Kinds of characters, by code: a source is gone through while V8 has optimized nothing of this. */
const NAME_PART = 1;
const BLANK = 2;
const LINE_END = 4;
/** What means something in a quoted string. */
const IN_QUOTES = 8;
/** The same in a long string or comment. Brackets that open in it are text to Redis, though not to Lua 5.1. */
const IN_BRACKETS = 16;
const KINDS = new Uint8Array(256);
for (let code = 0; code < KINDS.length; code++) KINDS[code] = kindsOf(code);

function kindsOf(code: number): number {
  if (isNameStart(code) || isDigit(code)) return NAME_PART;
  if (code === LF || code === CR) return LINE_END | IN_QUOTES | IN_BRACKETS;
  if (isBlank(code)) return BLANK;
  if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE || code === BACKSLASH) return IN_QUOTES;
  return code === CLOSE_BRACKET ? IN_BRACKETS : 0;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Of no line end: those come first. */
function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 12);
}

function isNameStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
}

/** A chunk's name as error messages show it: `@name` a file, `=name` literal, else source text. */
export function chunkIdentifier(name: string, most = RUN_NAME_MAX): string {
  const nul = name.indexOf('\0');
  const text = nul < 0 ? name : name.slice(0, nul);
  if (text.startsWith('=')) return text.slice(1, most);
  if (text.startsWith('@')) {
    const path = text.slice(1);
    const room = most - " '...' ".length - 1;
    return path.length > room ? `...${path.slice(path.length - room)}` : path;
  }
  const room = most - ' [string "..."] '.length - 1;
  const lineEnd = text.search(/[\r\n]/);
  const line = lineEnd < 0 ? text : text.slice(0, lineEnd);
  const cut = line.slice(0, room);
  return cut.length < text.length ? `[string "${cut}..."]` : `[string "${cut}"]`;
}

export class Lexer {
  /** The current token: NAME, STRING, NUMBER, END, a reserved word or an operator. */
  token = END;
  /** Of a NAME or STRING. */
  text = '';
  /** Of a NUMBER. */
  number = 0;
  /** Where the current token ends. */
  line = 1;
  /** Where the token before the current one ends. */
  lastLine = 1;
  readonly chunk: string;
  private at = 0;
  private start = 0;
  private tokens = 0;
  /** A string with its delimiters and what its escapes mean: errors show it so. */
  private written = '';
  private ahead: { token: string; text: string; number: number; line: number } | undefined;

  constructor(
    private readonly source: string,
    chunkName: string,
  ) {
    this.chunk = chunkIdentifier(chunkName, SYNTAX_NAME_MAX);
  }

  next(): void {
    this.lastLine = this.line;
    const ahead = this.ahead;
    if (ahead !== undefined) {
      this.ahead = undefined;
      this.token = ahead.token;
      this.text = ahead.text;
      this.number = ahead.number;
      this.line = ahead.line;
      return;
    }
    meter.allocate(TOKEN_BYTES);
    if (++this.tokens > TOKENS_MAX) throw this.error('function or expression too complex');
    this.token = this.scan();
  }

  /** The token after the current one. */
  peek(): string {
    const { token, text, number, line } = this;
    const next = this.scan();
    this.ahead = { token: next, text: this.text, number: this.number, line: this.line };
    this.token = token;
    this.text = text;
    this.number = number;
    // As in Lua, the line counter itself has moved on.
    void line;
    return next;
  }

  /** @throws LuaSyntaxError at the current token */
  fail(message: string): never {
    throw this.error(message, this.token);
  }

  error(message: string, token?: string): LuaSyntaxError {
    // Lua takes a NUL for no token.
    const near = token === undefined || token === '\0' ? '' : ` near '${this.tokenText(token)}'`;
    return new LuaSyntaxError(`${this.chunk}:${this.line}: ${message}${near}`);
  }

  private tokenText(token: string): string {
    if (token === NAME || token === STRING || token === NUMBER) {
      const written = token === STRING ? this.written : this.source.slice(this.start, this.at);
      const nul = written.indexOf('\0');
      return nul < 0 ? written : written.slice(0, nul);
    }
    if (token.length === 1 && (token < ' ' || token === '\x7f')) {
      return `char(${token.charCodeAt(0)})`;
    }
    return token;
  }

  private code(offset = 0): number {
    const at = this.at + offset;
    return at < this.source.length ? this.source.charCodeAt(at) : EOF;
  }

  /** Steps over characters of one of these kinds. */
  private skip(kinds: number): void {
    const { source } = this;
    const end = source.length;
    let at = this.at;
    while (at < end && (KINDS[source.charCodeAt(at)]! & kinds) !== 0) at++;
    this.at = at;
  }

  /** Steps over characters of other kinds. */
  private skipTo(kinds: number): void {
    const { source } = this;
    const end = source.length;
    let at = this.at;
    while (at < end && (KINDS[source.charCodeAt(at)]! & kinds) === 0) at++;
    this.at = at;
  }

  /** Steps over a line end of one or two characters. */
  private newLine(): void {
    const first = this.code();
    this.at++;
    const second = this.code();
    if ((second === LF || second === CR) && second !== first) this.at++;
    if (++this.line >= MAX_LINES) this.fail('chunk has too many lines');
  }

  private scan(): string {
    for (;;) {
      const code = this.code();
      this.start = this.at;
      if (code === EOF) return END;
      if (code === LF || code === CR) {
        this.newLine();
      } else if (isBlank(code)) {
        this.skip(BLANK);
      } else if (code === MINUS && this.code(1) === MINUS) {
        this.comment();
      } else {
        return this.scanToken(code);
      }
    }
  }

  private comment(): void {
    this.at += 2;
    if (this.code() === OPEN_BRACKET) {
      const level = this.bracketLevel();
      if (level >= 0) {
        this.longText(level, 'unfinished long comment');
        return;
      }
    }
    this.skipTo(LINE_END);
  }

  private scanToken(code: number): string {
    if (isNameStart(code)) return this.name();
    if (isDigit(code) || (code === DOT && isDigit(this.code(1)))) return this.numeral();
    if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) return this.quoted(code);
    if (code === OPEN_BRACKET) {
      const level = this.bracketLevel();
      if (level >= 0) {
        const equals = '='.repeat(level);
        this.text = this.longText(level, 'unfinished long string');
        this.written = `[${equals}[${this.text}]${equals}]`;
        return STRING;
      }
      if (level === -1) {
        this.at++;
        return '[';
      }
      this.at += -level - 1;
      this.written = this.source.slice(this.start, this.at);
      throw this.error('invalid long string delimiter', STRING);
    }
    const two = this.source.slice(this.at, this.at + 2);
    if (code === DOT && this.isOneOf('.\0', 1)) {
      const isThree = this.isOneOf('.\0', 2);
      this.at += isThree ? 3 : 2;
      return isThree ? '...' : '..';
    }
    if (two === '==' || two === '<=' || two === '>=' || two === '~=') {
      this.at += 2;
      return two;
    }
    this.at++;
    return this.source[this.start]!;
  }

  private name(): string {
    this.skip(NAME_PART);
    const text = this.source.slice(this.start, this.at);
    if (RESERVED.has(text)) return text;
    this.text = text;
    return NAME;
  }

  /** Where Lua looks for a character in a set it finds the set's end, too: a NUL. So a number may have one, and ends before it. */
  private isOneOf(set: string, ahead = 0): boolean {
    const at = this.at + ahead;
    return at < this.source.length && set.includes(this.source[at]!);
  }

  private numeral(): string {
    while (isDigit(this.code()) || this.code() === DOT) this.at++;
    if (this.isOneOf('eE\0')) {
      this.at++;
      if (this.isOneOf('+-\0')) this.at++;
    }
    this.skip(NAME_PART);
    const [text] = this.source.slice(this.start, this.at).split('\0', 1);
    const value = parseNumber(text!);
    if (value === undefined) throw this.error('malformed number', NUMBER);
    this.number = value;
    return NUMBER;
  }

  /**
   * At a bracket: the number of equals signs of a long bracket; -1 for a plain `[`, and -n - 1
   * for n characters that begin a long bracket and do not finish it.
   */
  private bracketLevel(): number {
    let count = 0;
    while (this.code(1 + count) === EQUALS) count++;
    if (this.code(1 + count) === OPEN_BRACKET) {
      this.at += count + 2;
      return count;
    }
    if (count === 0) return -1;
    return -(count + 1) - 1;
  }

  private longText(level: number, unfinished: string): string {
    if (this.code() === LF || this.code() === CR) this.newLine();
    const parts = new TextBuilder();
    let from = this.at;
    for (;;) {
      const code = this.code();
      if (code === EOF) throw this.error(unfinished, END);
      if (code === LF || code === CR) {
        parts.push(this.source.slice(from, this.at));
        parts.push('\n');
        this.newLine();
        from = this.at;
      } else if (code === CLOSE_BRACKET && this.closes(level)) {
        parts.push(this.source.slice(from, this.at));
        this.at += level + 2;
        return parts.finish();
      } else {
        this.at++;
        this.skipTo(IN_BRACKETS);
      }
    }
  }

  private closes(level: number): boolean {
    for (let i = 1; i <= level; i++) if (this.code(i) !== EQUALS) return false;
    return this.code(level + 1) === CLOSE_BRACKET;
  }

  private quoted(quote: number): string {
    const parts = new TextBuilder();
    const quoteOpen = this.source[this.at]!;
    this.at++;
    let from = this.at;
    for (;;) {
      const code = this.code();
      if (code === EOF) throw this.error('unfinished string', END);
      if (code === LF || code === CR) {
        this.written = quoteOpen + parts.finish() + this.source.slice(from, this.at);
        throw this.error('unfinished string', STRING);
      }
      if (code === quote) break;
      if (code === BACKSLASH) {
        parts.push(this.source.slice(from, this.at));
        parts.push(this.escape(quoteOpen, parts));
        from = this.at;
      } else {
        this.at++;
        this.skipTo(IN_QUOTES);
      }
    }
    parts.push(this.source.slice(from, this.at));
    this.at++;
    this.text = parts.finish();
    this.written = quoteOpen + this.text + quoteOpen;
    return STRING;
  }

  /** What the escape here stands for. An error shows the string up to it: quote and parts. */
  private escape(quoteOpen: string, parts: TextBuilder): string {
    this.at++;
    const code = this.code();
    if (code === EOF) return '';
    if (code === LF || code === CR) {
      this.newLine();
      return '\n';
    }
    if (isDigit(code)) {
      let value = 0;
      for (let i = 0; i < 3 && isDigit(this.code()); i++) {
        value = value * 10 + this.code() - 48;
        this.at++;
      }
      if (value > 255) {
        this.written = quoteOpen + parts.finish();
        throw this.error('escape sequence too large', STRING);
      }
      return String.fromCharCode(value);
    }
    const char = this.source[this.at]!;
    this.at++;
    return ESCAPES[char] ?? char;
  }
}
