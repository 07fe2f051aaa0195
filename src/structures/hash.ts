/**
 * HalfSipHash-1-3 (Aumasson and Bernstein) with a result of 64 bits and a key of 64 bits. The key
 * keeps clients from choosing keys that collide. It uses 32-bit arithmetic only, which JavaScript
 * does fast. One round per word, three to finish each half of the result.
 */
import type { Region } from '../base/region.js';

/** The result of `hashBytes`, reused so that a call allocates nothing. Signed 32 bits each. */
export class HashState {
  h1 = 0;
  h2 = 0;
  /** 0 when no byte is '{'. Perhaps not 0 without one as well, if the length is 123 modulo 256. */
  braces = 0;
}

/** Four times '{'. */
const BRACES = 0x7b7b7b7b;

/**
 * The cipher's round is inlined: a call per round, or an array of state, takes twice as long. The
 * search for '{' costs next to nothing here: its instructions do not wait for the cipher's, each of
 * which waits for the one before.
 */
export function hashBytes(
  out: HashState,
  region: Region,
  offset: number,
  length: number,
  key0: number,
  key1: number,
): void {
  const view = region.view;
  const end = offset + (length & ~3);
  let v0 = key0 | 0;
  let v1 = (key1 ^ 0xee) | 0;
  let v2 = (0x6c796765 ^ key0) | 0;
  let v3 = (0x74656462 ^ key1) | 0;
  let word = 0;
  let at = offset;
  let zeroes = 0;
  while (true) {
    const last = at >= end;
    word = last ? lastWord(region, end, length) : view.getInt32(at, true);
    at += 4;
    // Sets the top bit of the lowest byte that is 0, and so of the lowest that was '{'.
    const difference = word ^ BRACES;
    zeroes |= (difference - 0x01010101) & ~difference;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
    if (last) break;
  }
  out.braces = zeroes & 0x80808080;
  v2 ^= 0xee;
  for (let round = 0; round < 6; round++) {
    if (round === 3) {
      out.h1 = v1 ^ v3;
      v1 ^= 0xdd;
    }
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  }
  out.h2 = v1 ^ v3;
}

/** The last 0-3 bytes, with the length's low byte in the top byte. */
function lastWord(region: Region, offset: number, length: number): number {
  const bytes = region.bytes;
  let word = length << 24;
  const rest = length & 3;
  if (rest > 2) word |= bytes[offset + 2]! << 16;
  if (rest > 1) word |= bytes[offset + 1]! << 8;
  if (rest > 0) word |= bytes[offset]!;
  return word;
}
