/**
 * MurmurHash64A (Austin Appleby) with the seed that Redis's HyperLogLog has, and what it says about
 * an element: its register, and the length of the run of zeros that the register counts.
 *
 * 64-bit numbers are two halves of 32 bits; the only costly step is the product with a constant,
 * which takes the high half of a 32 × 32 bit product from four products of 16 bits.
 */
import type { Region } from '../../base/region.js';
import { HASH_BITS, INDEX_BITS, REGISTER_COUNT } from './layout.js';

const SEED = 0xadc83b19 | 0;
/** The multiplier 0xc6a4a7935bd1e995. */
const FACTOR_HIGH = 0xc6a4a793 | 0;
const FACTOR_LOW = 0x5bd1e995;
const FACTOR_LOW_HIGH16 = 0x5bd1;
const FACTOR_LOW_LOW16 = 0xe995;
/** The hash's remaining bits end in a one, so that a run of zeros has an end. */
const END_BIT_IN_HIGH_HALF = 1 << (HASH_BITS - 32);

/** A 64-bit hash as two signed halves. */
export class Hash64 {
  low = 0;
  high = 0;
}

/** The high half of low × FACTOR_LOW, both unsigned. */
function highOfLowProduct(low: number): number {
  const low16 = low & 0xffff;
  const high16 = low >>> 16;
  const lowest = Math.imul(low16, FACTOR_LOW_LOW16) >>> 16;
  const middle = ((Math.imul(high16, FACTOR_LOW_LOW16) >>> 0) + lowest) >>> 0;
  const carried = ((Math.imul(low16, FACTOR_LOW_HIGH16) >>> 0) + (middle & 0xffff)) >>> 0;
  return (Math.imul(high16, FACTOR_LOW_HIGH16) + (middle >>> 16) + (carried >>> 16)) | 0;
}

/** The high half of (high, low) × FACTOR; the low half is Math.imul(low, FACTOR_LOW). */
function highOfProduct(high: number, low: number): number {
  return (highOfLowProduct(low) + Math.imul(high, FACTOR_LOW) + Math.imul(low, FACTOR_HIGH)) | 0;
}

/** Hashes `length` bytes. */
export function hashElement(out: Hash64, region: Region, offset: number, length: number): void {
  const view = region.view;
  let high = highOfProduct(0, length);
  let low = Math.imul(length, FACTOR_LOW) ^ SEED;
  let at = offset;
  for (const end = offset + (length & ~7); at < end; at += 8) {
    const blockLow = view.getInt32(at, true);
    let mixedHigh = highOfProduct(view.getInt32(at + 4, true), blockLow);
    let mixedLow = Math.imul(blockLow, FACTOR_LOW);
    // The shift by 47 leaves only bits of the high half.
    mixedLow ^= mixedHigh >>> 15;
    mixedHigh = highOfProduct(mixedHigh, mixedLow);
    mixedLow = Math.imul(mixedLow, FACTOR_LOW);
    high ^= mixedHigh;
    low ^= mixedLow;
    high = highOfProduct(high, low);
    low = Math.imul(low, FACTOR_LOW);
  }
  const rest = length & 7;
  if (rest > 0) {
    for (let i = 0; i < rest; i++) {
      const byte = region.bytes[at + i]!;
      if (i < 4) low ^= byte << (8 * i);
      else high ^= byte << (8 * (i - 4));
    }
    high = highOfProduct(high, low);
    low = Math.imul(low, FACTOR_LOW);
  }
  low ^= high >>> 15;
  high = highOfProduct(high, low);
  low = Math.imul(low, FACTOR_LOW);
  low ^= high >>> 15;
  out.low = low;
  out.high = high;
}

export function registerIndex(hash: Hash64): number {
  return hash.low & (REGISTER_COUNT - 1);
}

/** One more than the number of zeros before the first one, from the lowest bit on: 1 to 51. */
export function registerValue(hash: Hash64): number {
  const low = (hash.low >>> INDEX_BITS) | (hash.high << (32 - INDEX_BITS));
  if (low !== 0) return trailingZeros(low) + 1;
  return 32 + trailingZeros((hash.high >>> INDEX_BITS) | END_BIT_IN_HIGH_HALF) + 1;
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
