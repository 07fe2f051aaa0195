/**
 * The checksum of a file from those of its parts, in the order of the parts: so several threads sum
 * up what they write, and nobody reads it again.
 *
 * A checksum without inversions is linear. That of A followed by B is the checksum of A, moved on by
 * as many zero bytes as B has, xor that of B. Moving on by 2^k zero bytes is a 64 × 64 matrix of bits,
 * the square of the one before; a length takes one matrix for each bit that it has (the way of zlib's
 * crc32_combine).
 */
import type { Crc64 } from './crc64.js';

/** Lengths up to 2^53. */
const POWERS = 53;
const BITS = 64;
const POLYNOMIAL = 0x95ac9329_ac4bc9b5n;

/** By k: what moving on by 2^k zero bytes makes of each bit, the lowest first. */
const matrices: BigUint64Array[] = [];

function times(matrix: BigUint64Array, vector: bigint): bigint {
  let sum = 0n;
  let rest = vector;
  for (let bit = 0; rest !== 0n; bit++) {
    if ((rest & 1n) === 1n) sum ^= matrix[bit]!;
    rest >>= 1n;
  }
  return sum;
}

function square(matrix: BigUint64Array): BigUint64Array {
  const squared = new BigUint64Array(BITS);
  for (let bit = 0; bit < BITS; bit++) squared[bit] = times(matrix, matrix[bit]!);
  return squared;
}

function matrixOf(power: number): BigUint64Array {
  if (matrices.length === 0) {
    let bit: BigUint64Array = new BigUint64Array(BITS);
    bit[0] = POLYNOMIAL;
    for (let i = 1; i < BITS; i++) bit[i] = 1n << BigInt(i - 1);
    for (let i = 0; i < 3; i++) bit = square(bit);
    matrices.push(bit);
  }
  while (matrices.length <= power) matrices.push(square(matrices.at(-1)!));
  return matrices[power]!;
}

/**
 * Moves the checksum on by a part that follows.
 * @param checksum of what stands before; becomes that of both
 * @param bytes the length of the part
 * @param partLow the part's checksum, as Crc64 has its halves
 */
export function joinChecksum(
  checksum: Crc64,
  bytes: number,
  partLow: number,
  partHigh: number,
): void {
  let value = (BigInt(checksum.high >>> 0) << 32n) | BigInt(checksum.low >>> 0);
  let rest = bytes;
  for (let power = 0; rest > 0 && power < POWERS; power++) {
    if (rest % 2 === 1) value = times(matrixOf(power), value);
    rest = Math.floor(rest / 2);
  }
  checksum.low = Number(value & 0xffff_ffffn) ^ partLow;
  checksum.high = Number(value >> 32n) ^ partHigh;
}
