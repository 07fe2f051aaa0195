/**
 * Lua's patterns: a backtracking matcher over the bytes of a string, as in Lua 5.1. Each step
 * counts as work, because a pattern of a few characters can take hours.
 */
import { libraryError } from '../runtime/failures.js';
import { meter } from '../runtime/meter.js';

const CAPTURES_MAX = 32;
const CAPTURE_BYTES = 64;
/** Of a set in a pattern so many characters are one step. */
const SET_CHARACTERS_PER_TICK_BITS = 3;
/** Lengths of captures that are no lengths. */
const UNFINISHED = -1;
const POSITION = -2;
const NO_MATCH = -1;

const ESCAPE = 37;
const OPEN_PARENTHESIS = 40;
const CLOSE_PARENTHESIS = 41;
const STAR = 42;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const QUESTION = 63;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const CARET = 94;
const DOLLAR = 36;

const ALPHA = 1;
const DIGIT = 2;
const LOWER = 4;
const UPPER = 8;
const SPACE = 16;
const CONTROL = 32;
const PUNCTUATION = 64;
const HEXADECIMAL = 128;

/** Classes of each byte in C's locale. */
const CLASSES = new Uint8Array(256);
for (let c = 0; c < 128; c++) {
  const isLower = c >= 97 && c <= 122;
  const isUpper = c >= 65 && c <= 90;
  const isDigit = c >= 48 && c <= 57;
  let bits = 0;
  if (isLower) bits |= ALPHA | LOWER;
  if (isUpper) bits |= ALPHA | UPPER;
  if (isDigit) bits |= DIGIT;
  if ((c >= 9 && c <= 13) || c === 32) bits |= SPACE;
  if (c < 32 || c === 127) bits |= CONTROL;
  if (c > 32 && c < 127 && !isLower && !isUpper && !isDigit) bits |= PUNCTUATION;
  if (isDigit || (c >= 97 && c <= 102) || (c >= 65 && c <= 70)) bits |= HEXADECIMAL;
  CLASSES[c] = bits;
}

const CLASS_LETTERS: Readonly<Record<string, number>> = {
  a: ALPHA,
  c: CONTROL,
  d: DIGIT,
  l: LOWER,
  p: PUNCTUATION,
  s: SPACE,
  u: UPPER,
  w: ALPHA | DIGIT,
  x: HEXADECIMAL,
};

/** The bits of a class letter (lower case); 0 when it is none. `%z` is separate. */
const CLASS_BITS = new Uint8Array(256);
for (const [letter, bits] of Object.entries(CLASS_LETTERS)) CLASS_BITS[letter.charCodeAt(0)] = bits;

function matchesClass(c: number, letter: number): boolean {
  const lower = letter >= 65 && letter <= 90 ? letter + 32 : letter;
  let found: boolean;
  if (lower === 122) found = c === 0;
  else if (CLASS_BITS[lower] === 0) return letter === c;
  else found = (CLASSES[c]! & CLASS_BITS[lower]!) !== 0;
  return lower === letter ? found : !found;
}

/** Matches one pattern against one string. */
export class Matcher {
  level = 0;
  readonly starts: number[] = [];
  readonly lengths: number[] = [];

  constructor(
    readonly source: string,
    readonly pattern: string,
  ) {}

  /** @returns the end of the match at `from`, or -1 */
  matchAt(from: number, patternFrom: number): number {
    this.level = 0;
    return this.match(from, patternFrom);
  }

  private match(from: number, patternFrom: number): number {
    const { source, pattern } = this;
    let s = from;
    let p = patternFrom;
    for (;;) {
      if (--meter.ticks < 0) meter.tick();
      if (p === pattern.length) return s;
      const code = pattern.charCodeAt(p);
      if (code === OPEN_PARENTHESIS) {
        if (pattern.charCodeAt(p + 1) === CLOSE_PARENTHESIS) {
          return this.startCapture(s, p + 2, POSITION);
        }
        return this.startCapture(s, p + 1, UNFINISHED);
      }
      if (code === CLOSE_PARENTHESIS) return this.endCapture(s, p + 1);
      if (code === ESCAPE) {
        const next = pattern.charCodeAt(p + 1);
        if (next === 98) {
          s = this.matchBalance(s, p + 2);
          if (s === NO_MATCH) return NO_MATCH;
          p += 4;
          continue;
        }
        if (next === 102) {
          p += 2;
          const end = this.matchFrontier(s, p);
          if (end < 0) return NO_MATCH;
          p = end;
          continue;
        }
        if (next >= 48 && next <= 57) {
          s = this.matchCapture(s, next);
          if (s === NO_MATCH) return NO_MATCH;
          p += 2;
          continue;
        }
      }
      if (code === DOLLAR && p + 1 === pattern.length) return s === source.length ? s : NO_MATCH;
      const end = this.classEnd(p);
      const isMatch = s < source.length && this.singleMatch(source.charCodeAt(s), p, end);
      switch (pattern.charCodeAt(end)) {
        case QUESTION: {
          if (isMatch) {
            const result = this.match(s + 1, end + 1);
            if (result !== NO_MATCH) return result;
          }
          p = end + 1;
          break;
        }
        case STAR:
          return this.maxExpand(s, p, end);
        case PLUS:
          return isMatch ? this.maxExpand(s + 1, p, end) : NO_MATCH;
        case MINUS:
          return this.minExpand(s, p, end);
        default:
          if (!isMatch) return NO_MATCH;
          s++;
          p = end;
      }
    }
  }

  /** Where the single-character class that begins at `p` ends. */
  private classEnd(from: number): number {
    const { pattern } = this;
    let p = from;
    const code = pattern.charCodeAt(p++);
    if (code === ESCAPE) {
      if (p >= pattern.length) throw libraryError("malformed pattern (ends with '%')");
      return p + 1;
    }
    if (code !== OPEN_BRACKET) return p;
    if (pattern.charCodeAt(p) === CARET) p++;
    do {
      if (p >= pattern.length) throw libraryError("malformed pattern (missing ']')");
      if (pattern.charCodeAt(p++) === ESCAPE && p < pattern.length) p++;
    } while (pattern.charCodeAt(p) !== CLOSE_BRACKET);
    return p + 1;
  }

  private singleMatch(c: number, p: number, end: number): boolean {
    const code = this.pattern.charCodeAt(p);
    if (code === DOT) return true;
    if (code === ESCAPE) return matchesClass(c, this.pattern.charCodeAt(p + 1));
    if (code === OPEN_BRACKET) return this.matchSet(c, p, end - 1);
    return code === c;
  }

  /** A set from `[` at `from` to `]` at `last`. */
  private matchSet(c: number, from: number, last: number): boolean {
    const { pattern } = this;
    meter.ticks -= (last - from) >> SET_CHARACTERS_PER_TICK_BITS;
    let p = from;
    let positive = true;
    if (pattern.charCodeAt(p + 1) === CARET) {
      positive = false;
      p++;
    }
    while (++p < last) {
      const code = pattern.charCodeAt(p);
      if (code === ESCAPE) {
        p++;
        if (matchesClass(c, pattern.charCodeAt(p))) return positive;
      } else if (pattern.charCodeAt(p + 1) === MINUS && p + 2 < last) {
        p += 2;
        if (code <= c && c <= pattern.charCodeAt(p)) return positive;
      } else if (code === c) {
        return positive;
      }
    }
    return !positive;
  }

  private matchBalance(s: number, p: number): number {
    const { source, pattern } = this;
    if (p >= pattern.length || p + 1 >= pattern.length) {
      throw libraryError('unbalanced pattern');
    }
    if (source.charCodeAt(s) !== pattern.charCodeAt(p)) return NO_MATCH;
    const open = pattern.charCodeAt(p);
    const close = pattern.charCodeAt(p + 1);
    let depth = 1;
    for (let i = s + 1; i < source.length; i++) {
      if (--meter.ticks < 0) meter.tick();
      const c = source.charCodeAt(i);
      if (c === close) {
        if (--depth === 0) return i + 1;
      } else if (c === open) {
        depth++;
      }
    }
    return NO_MATCH;
  }

  /** @returns the pattern's place after the set, or -1 */
  private matchFrontier(s: number, p: number): number {
    const { source, pattern } = this;
    if (pattern.charCodeAt(p) !== OPEN_BRACKET) {
      throw libraryError("missing '[' after '%f' in pattern");
    }
    const end = this.classEnd(p);
    const previous = s === 0 ? 0 : source.charCodeAt(s - 1);
    const current = s < source.length ? source.charCodeAt(s) : 0;
    if (this.matchSet(previous, p, end - 1) || !this.matchSet(current, p, end - 1)) return -1;
    return end;
  }

  private maxExpand(s: number, p: number, end: number): number {
    const { source } = this;
    let i = 0;
    while (s + i < source.length && this.singleMatch(source.charCodeAt(s + i), p, end)) {
      i++;
      if (--meter.ticks < 0) meter.tick();
    }
    for (; i >= 0; i--) {
      const result = this.match(s + i, end + 1);
      if (result !== NO_MATCH) return result;
    }
    return NO_MATCH;
  }

  private minExpand(from: number, p: number, end: number): number {
    const { source } = this;
    for (let s = from; ; s++) {
      const result = this.match(s, end + 1);
      if (result !== NO_MATCH) return result;
      if (s >= source.length || !this.singleMatch(source.charCodeAt(s), p, end)) return NO_MATCH;
    }
  }

  private startCapture(s: number, p: number, what: number): number {
    if (this.level >= CAPTURES_MAX) throw libraryError('too many captures');
    this.starts[this.level] = s;
    this.lengths[this.level] = what;
    this.level++;
    const result = this.match(s, p);
    if (result === NO_MATCH) this.level--;
    return result;
  }

  private endCapture(s: number, p: number): number {
    const open = this.openCapture();
    this.lengths[open] = s - this.starts[open]!;
    const result = this.match(s, p);
    if (result === NO_MATCH) this.lengths[open] = UNFINISHED;
    return result;
  }

  private openCapture(): number {
    for (let level = this.level - 1; level >= 0; level--) {
      if (this.lengths[level] === UNFINISHED) return level;
    }
    throw libraryError('invalid pattern capture');
  }

  private matchCapture(s: number, code: number): number {
    const index = code - 49;
    if (index < 0 || index >= this.level || this.lengths[index] === UNFINISHED) {
      throw libraryError('invalid capture index');
    }
    const { source } = this;
    const start = this.starts[index]!;
    const length = this.lengths[index]!;
    // A position capture has no text; its length is huge in C and never matches.
    if (length < 0 || source.length - s < length) return NO_MATCH;
    meter.workOnBytes(length);
    return source.startsWith(source.slice(start, start + length), s) ? s + length : NO_MATCH;
  }

  /** A capture's value; without captures the whole match is the first. */
  capture(index: number, from: number, to: number): string | number {
    if (index >= this.level) {
      if (index === 0) return this.source.slice(from, to);
      throw libraryError('invalid capture index');
    }
    const length = this.lengths[index]!;
    if (length === UNFINISHED) throw libraryError('unfinished capture');
    const start = this.starts[index]!;
    return length === POSITION ? start + 1 : this.source.slice(start, start + length);
  }

  /** All captures, or the whole match where the pattern has none. */
  captures(from: number, to: number, whole = true): (string | number)[] {
    const count = this.level === 0 && whole ? 1 : this.level;
    const values: (string | number)[] = [];
    meter.allocate(CAPTURE_BYTES * count);
    for (let i = 0; i < count; i++) values.push(this.capture(i, from, to));
    return values;
  }
}

/** A pattern with none of these is plain text. */
export function hasSpecials(pattern: string): boolean {
  return /[\^$*+?.([%-]/.test(pattern);
}
