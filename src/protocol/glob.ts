/**
 * Glob patterns, as KEYS, SCAN MATCH, PSUBSCRIBE and CONFIG GET use them: `*`, `?`, `[abc]`,
 * `[^a-z]`, `\` before a character that is meant literally. On bytes, not characters.
 *
 * Redis's matcher recurses at every star. Every element but the star takes exactly one byte,
 * so it is enough to remember the last star and to try it one byte further on: the result is
 * the same and the cost at most pattern × subject, whatever the number of stars.
 *
 * Kept from Redis, as the fuzz test against it shows: nothing but the empty pattern matches an
 * empty subject; an unclosed class ends with the pattern; ranges compare signed bytes and may be
 * written backwards; an escape within a class minds the case even where the rest does not.
 */
import type { Region } from '../base/region.js';

const STAR = 42;
const QUESTION = 63;
const OPEN = 91;
const BACKSLASH = 92;
const CLOSE = 93;
const CARET = 94;
const DASH = 45;

/** Where the element that `matchElement` has looked at ends. */
let elementEnd = 0;

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

function sameByte(a: number, b: number, ignoreCase: boolean): boolean {
  return a === b || (ignoreCase && lower(a) === lower(b));
}

function inRange(from: number, to: number, byte: number, ignoreCase: boolean): boolean {
  let low = (from << 24) >> 24;
  let high = (to << 24) >> 24;
  let value = (byte << 24) >> 24;
  if (low > high) {
    const swapped = low;
    low = high;
    high = swapped;
  }
  if (ignoreCase) {
    low = lower(low);
    high = lower(high);
    value = lower(value);
  }
  return value >= low && value <= high;
}

/** Matches a class whose `[` is before `from`. */
function matchClass(
  pattern: Uint8Array,
  from: number,
  end: number,
  byte: number,
  ignoreCase: boolean,
): boolean {
  let at = from;
  const negated = at < end && pattern[at] === CARET;
  if (negated) at++;
  let matched = false;
  while (at < end && pattern[at] !== CLOSE) {
    const first = pattern[at]!;
    if (first === BACKSLASH && end - at >= 2) {
      if (pattern[at + 1] === byte) matched = true;
      at += 2;
    } else if (end - at >= 3 && pattern[at + 1] === DASH) {
      if (inRange(first, pattern[at + 2]!, byte, ignoreCase)) matched = true;
      at += 3;
    } else {
      if (sameByte(first, byte, ignoreCase)) matched = true;
      at++;
    }
  }
  elementEnd = at < end ? at + 1 : end;
  return matched !== negated;
}

/** Matches one byte against the element at `at`, which is not a star. */
function matchElement(
  pattern: Uint8Array,
  at: number,
  end: number,
  byte: number,
  ignoreCase: boolean,
): boolean {
  const first = pattern[at]!;
  if (first === OPEN) return matchClass(pattern, at + 1, end, byte, ignoreCase);
  const literal = first === BACKSLASH && end - at >= 2 ? at + 1 : at;
  elementEnd = literal + 1;
  if (first === QUESTION) return true;
  return sameByte(pattern[literal]!, byte, ignoreCase);
}

/** Whether the whole subject matches the pattern. */
export function matchGlob(
  pattern: Region,
  patternOffset: number,
  patternLength: number,
  subject: Region,
  subjectOffset: number,
  subjectLength: number,
  ignoreCase: boolean,
): boolean {
  const p = pattern.bytes;
  const s = subject.bytes;
  const patternEnd = patternOffset + patternLength;
  const subjectEnd = subjectOffset + subjectLength;
  let at = patternOffset;
  let position = subjectOffset;
  if (position === subjectEnd) return at === patternEnd;
  let afterStar = -1;
  let starPosition = 0;
  while (position < subjectEnd) {
    if (at < patternEnd && p[at] === STAR) {
      while (at < patternEnd && p[at] === STAR) at++;
      if (at === patternEnd) return true;
      afterStar = at;
      starPosition = position;
    } else if (at < patternEnd && matchElement(p, at, patternEnd, s[position]!, ignoreCase)) {
      at = elementEnd;
      position++;
    } else {
      if (afterStar < 0) return false;
      at = afterStar;
      starPosition++;
      position = starPosition;
    }
  }
  while (at < patternEnd && p[at] === STAR) at++;
  return at === patternEnd;
}
