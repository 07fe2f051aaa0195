/**
 * Short strings that were made of bytes before. A script's keys, field names and replies are mostly the
 * same from call to call: comparing bytes costs less than making a string, leaves no garbage, and a
 * string that was used before knows its hash for maps.
 *
 * Directly mapped: a place has the last string that belonged there.
 */

import { latin1Slice } from './latin1.js';

/** Longer strings are made anew. */
export const CACHED_BYTES_MAX = 40;
const PLACES = 1024;
/** The last bytes tell most: keys begin alike. */
const HASHED_BYTES = 12;
const EMPTY = '';

export class StringCache {
  private readonly strings: string[] = [];

  constructor() {
    for (let place = 0; place < PLACES; place++) this.strings.push(EMPTY);
  }

  /** The string of `end - begin` bytes, 1 to CACHED_BYTES_MAX of them. */
  get(bytes: Uint8Array, begin: number, end: number): string {
    let hash = end - begin;
    for (let i = Math.max(begin, end - HASHED_BYTES); i < end; i++) {
      hash = Math.imul(hash, 31) + bytes[i]!;
    }
    const place = (hash ^ (hash >>> 10)) & (PLACES - 1);
    const known = this.strings[place]!;
    if (isSame(known, bytes, begin, end)) return known;
    const text = latin1Slice(bytes, begin, end);
    this.strings[place] = text;
    return text;
  }
}

function isSame(text: string, bytes: Uint8Array, begin: number, end: number): boolean {
  if (text.length !== end - begin) return false;
  for (let i = text.length - 1; i >= 0; i--) {
    if (text.charCodeAt(i) !== bytes[begin + i]) return false;
  }
  return true;
}
