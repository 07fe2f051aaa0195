/** cjson.decode: a parser of JSON with cjson's leniency and its error texts. */
import { libraryError } from '../runtime/failures.js';
import { meter } from '../runtime/meter.js';
import { parseNumber } from '../runtime/number-text.js';
import { LuaTable } from '../runtime/table.js';
import { TextBuilder } from '../runtime/text-builder.js';
import type { LuaValue } from '../runtime/values.js';
import { JSON_NULL } from './json-encode.js';
import type { JsonSettings } from './json-settings.js';

type TokenType =
  | 'T_OBJ_BEGIN'
  | 'T_OBJ_END'
  | 'T_ARR_BEGIN'
  | 'T_ARR_END'
  | 'T_STRING'
  | 'T_NUMBER'
  | 'T_BOOLEAN'
  | 'T_NULL'
  | 'T_COLON'
  | 'T_COMMA'
  | 'T_END'
  | 'T_ERROR';

const PUNCTUATION: Readonly<Record<string, TokenType>> = {
  '{': 'T_OBJ_BEGIN',
  '}': 'T_OBJ_END',
  '[': 'T_ARR_BEGIN',
  ']': 'T_ARR_END',
  ',': 'T_COMMA',
  ':': 'T_COLON',
};
const WORDS: Readonly<Record<string, { type: TokenType; value: LuaValue }>> = {
  true: { type: 'T_BOOLEAN', value: true },
  false: { type: 'T_BOOLEAN', value: false },
  null: { type: 'T_NULL', value: JSON_NULL },
};
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
};
/** What strtod reads of the text at a place. */
const NUMBER =
  /[+-]?(?:0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan(?:\([0-9a-z_]*\))?)/iy;
/** Numbers that JSON does not have: with a plus, hexadecimal, leading zeros, inf and nan. */
const INVALID_NUMBER = /\+|-?(?:0[x0-9]|inf|nan)/iy;
const CODE_UNIT = /[0-9a-fA-F]{4}/y;
const PLAIN = /[^"\\\0]+/y;

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** UTF-8 as a string of bytes. */
function utf8(code: number): string {
  return Buffer.from(String.fromCodePoint(code), 'utf8').toString('latin1');
}

export class JsonDecoder {
  private type: TokenType = 'T_END';
  private value: LuaValue;
  /** Of a T_ERROR. */
  private problem = '';
  private start = 0;
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly settings: JsonSettings,
  ) {}

  decode(): LuaValue {
    const { text } = this;
    if (text.length >= 2 && (text[0] === '\0' || text[1] === '\0')) {
      throw libraryError('JSON parser does not support UTF-16 or UTF-32');
    }
    this.next();
    const value = this.parse(0);
    this.next();
    if (this.type !== 'T_END') throw this.unexpected('the end');
    return value;
  }

  private unexpected(expected: string): Error {
    const found = this.type === 'T_ERROR' ? this.problem : this.type;
    throw libraryError(`Expected ${expected} but found ${found} at character ${this.start + 1}`);
  }

  private setError(problem: string): void {
    this.type = 'T_ERROR';
    this.problem = problem;
    this.start = this.at;
  }

  private next(): void {
    if (--meter.ticks < 0) meter.tick();
    const { text } = this;
    while (this.at < text.length && ' \t\n\r'.includes(text[this.at]!)) this.at++;
    this.start = this.at;
    const c = text[this.at];
    if (c === undefined || c === '\0') {
      this.type = 'T_END';
      return;
    }
    const punctuation = Object.hasOwn(PUNCTUATION, c) ? PUNCTUATION[c] : undefined;
    if (punctuation !== undefined) {
      this.type = punctuation;
      this.at++;
    } else if (c === '"') this.string();
    else if (c === '-' || (c >= '0' && c <= '9')) this.checkedNumber();
    else this.word();
  }

  private isInvalidNumber(): boolean {
    return matchAt(INVALID_NUMBER, this.text, this.at) !== undefined;
  }

  private checkedNumber(): void {
    if (!this.settings.decodeInvalidNumbers && this.isInvalidNumber()) {
      this.setError('invalid number');
    } else this.number();
  }

  private number(): void {
    const digits = matchAt(NUMBER, this.text, this.at);
    const value = digits === undefined ? undefined : parseNumber(digits);
    if (digits === undefined || value === undefined) {
      this.setError('invalid number');
      return;
    }
    this.type = 'T_NUMBER';
    this.value = value;
    this.at += digits.length;
  }

  private word(): void {
    for (const [word, { type, value }] of Object.entries(WORDS)) {
      if (this.text.startsWith(word, this.at)) {
        this.type = type;
        this.value = value;
        this.at += word.length;
        return;
      }
    }
    if (this.settings.decodeInvalidNumbers && /[+iInN]/.test(this.text[this.at]!)) {
      if (this.isInvalidNumber()) {
        this.number();
        return;
      }
    }
    this.setError('invalid token');
  }

  private string(): void {
    const parts = new TextBuilder();
    this.at++;
    for (;;) {
      if (--meter.ticks < 0) meter.tick();
      const plain = matchAt(PLAIN, this.text, this.at);
      if (plain !== undefined) {
        parts.push(plain);
        this.at += plain.length;
      }
      const c = this.text[this.at];
      if (c === '"') break;
      if (c !== '\\') {
        this.setError('unexpected end of string');
        return;
      }
      const escaped = this.escape();
      if (escaped === undefined) return;
      parts.push(escaped);
    }
    this.at++;
    this.type = 'T_STRING';
    this.value = parts.finish();
  }

  private escape(): string | undefined {
    const letter = this.text[this.at + 1];
    if (letter === 'u') return this.unicode();
    const c = letter !== undefined && Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (c === undefined) {
      this.setError('invalid escape code');
      return undefined;
    }
    this.at += 2;
    return c;
  }

  private codeUnit(at: number): number | undefined {
    const digits = matchAt(CODE_UNIT, this.text, at);
    return digits === undefined ? undefined : Number.parseInt(digits, 16);
  }

  private unicode(): string | undefined {
    let code = this.codeUnit(this.at + 2);
    let length = 6;
    if (code !== undefined && (code & 0xf800) === 0xd800) {
      const isPair = (code & 0x400) === 0 && this.text.startsWith('\\u', this.at + 6);
      const low = isPair ? this.codeUnit(this.at + 8) : undefined;
      const isLow = low !== undefined && (low & 0xfc00) === 0xdc00;
      code = isLow ? (code & 0x3ff) * 0x400 + (low & 0x3ff) + 0x10000 : undefined;
      length = 12;
    }
    if (code === undefined) {
      this.setError('invalid unicode escape code');
      return undefined;
    }
    this.at += length;
    return utf8(code);
  }

  private parse(depth: number): LuaValue {
    switch (this.type) {
      case 'T_STRING':
      case 'T_NUMBER':
      case 'T_BOOLEAN':
      case 'T_NULL':
        return this.value;
      case 'T_OBJ_BEGIN':
        return this.object(depth + 1);
      case 'T_ARR_BEGIN':
        return this.array(depth + 1);
      default:
        throw this.unexpected('value');
    }
  }

  private checkDepth(depth: number): void {
    if (depth <= this.settings.decodeMaxDepth) return;
    const what = `Found too many nested data structures (${depth}) at character ${this.at}`;
    throw libraryError(what);
  }

  private is(type: TokenType): boolean {
    return this.type === type;
  }

  private object(depth: number): LuaTable {
    this.checkDepth(depth);
    const table = new LuaTable();
    this.next();
    if (this.is('T_OBJ_END')) return table;
    for (;;) {
      if (!this.is('T_STRING')) throw this.unexpected('object key string');
      const key = this.value;
      this.next();
      if (!this.is('T_COLON')) throw this.unexpected('colon');
      this.next();
      table.set(key, this.parse(depth));
      this.next();
      if (this.is('T_OBJ_END')) return table;
      if (!this.is('T_COMMA')) throw this.unexpected('comma or object end');
      this.next();
    }
  }

  private array(depth: number): LuaTable {
    this.checkDepth(depth);
    const table = new LuaTable();
    this.next();
    if (this.is('T_ARR_END')) return table;
    for (let i = 1; ; i++) {
      table.set(i, this.parse(depth));
      this.next();
      if (this.is('T_ARR_END')) return table;
      if (!this.is('T_COMMA')) throw this.unexpected('comma or array end');
      this.next();
    }
  }
}
