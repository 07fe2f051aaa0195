/**
 * Bytes of regions as strings of one character per byte, and back. Scripts work on strings, so this is
 * on the path of each of their commands: it knows short strings that it made before, and writes short
 * ones without a call of native code.
 */
import type { Region } from '../../base/region.js';
import { latin1Slice, latin1Write } from './latin1.js';
import { CACHED_BYTES_MAX, StringCache } from './string-cache.js';

/** Up to here a loop is faster than a call of native code. */
const SHORT_BYTES = 24;

/** One for the thread: what a reply has is the next command's argument. */
const strings = new StringCache();

/** The bytes from `begin` to before `end`. */
export function textAt({ bytes }: Region, begin: number, end: number): string {
  const length = end - begin;
  if (length > CACHED_BYTES_MAX) return latin1Slice(bytes, begin, end);
  return length === 0 ? '' : strings.get(bytes, begin, end);
}

/** Writes the text at `at`; the region has room for it. @returns the position behind it */
export function writeTextAt({ bytes }: Region, at: number, text: string): number {
  const { length } = text;
  if (length > SHORT_BYTES) latin1Write(bytes, text, at);
  else for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + length;
}
