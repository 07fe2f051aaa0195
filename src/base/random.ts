/**
 * Random numbers for the data path: xoshiro128** (Blackman, Vigna, 2018), seeded by the system, one
 * state for each thread. `Math.random` makes an object of every number that it hands to a function.
 * Not for secrets.
 */
import { randomFillSync } from 'node:crypto';

const TWO_32 = 2 ** 32;
const state = seeded();

/** The state may be anything but all zeroes. */
function seeded(): Int32Array {
  const words = randomFillSync(new Int32Array(4));
  words[0] = words[0]! | 1;
  return words;
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** 32 random bits, as a signed number. */
export function randomBits(): number {
  const second = state[1]!;
  const result = Math.imul(rotated(Math.imul(second, 5), 7), 9);
  state[2] = state[2]! ^ state[0]!;
  state[3] = state[3]! ^ second;
  state[1] = second ^ state[2]!;
  state[0] = state[0]! ^ state[3]!;
  state[2] = state[2]! ^ (second << 9);
  state[3] = rotated(state[3]!, 11);
  return result;
}

/** What part of a whole, at most 2^32, these random bits choose: from 0 to less than that. */
export function partOf(whole: number, bits: number): number {
  return Math.floor(((bits >>> 0) / TWO_32) * whole);
}
