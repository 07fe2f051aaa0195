/**
 * How many different elements a HyperLogLog has seen, from the histogram of its registers.
 *
 * The estimator is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches",
 * arXiv:1702.01284), which needs no tables of bias, in the order of operations that Redis has, so
 * that the last bit is the same.
 */
import { HASH_BITS, REGISTER_COUNT } from './layout.js';

/** 1 / (2 ln 2). */
const ALPHA = 0.7213475204444817;

/** Registers by value; 0 to 51 can come from elements, up to 63 from bytes a client made up. */
export const HISTOGRAM_LENGTH = 64;

/** What the registers of 0 add. */
function sigma(share: number): number {
  if (share === 1) return Infinity;
  let x = share;
  let y = 1;
  let z = x;
  for (;;) {
    x *= x;
    const before = z;
    z += x * y;
    y += y;
    if (before === z) return z;
  }
}

/** What the registers that are full take away. */
function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let x = share;
  let y = 1;
  let z = 1 - x;
  for (;;) {
    x = Math.sqrt(x);
    const before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
    if (before === z) return z / 3;
  }
}

/** A whole number, or Infinity when nearly all registers are full (no elements can do that). */
export function estimateCardinality(histogram: Int32Array): number {
  const count = REGISTER_COUNT;
  let z = count * tau((count - histogram[HASH_BITS + 1]!) / count);
  for (let value = HASH_BITS; value >= 1; value--) {
    z += histogram[value]!;
    z *= 0.5;
  }
  z += count * sigma(histogram[0]! / count);
  return Math.round((ALPHA * count * count) / z);
}
