/**
 * The bytes of a HyperLogLog, as Redis 7 stores them in a string: a value of one server loads in the
 * other.
 *
 *     offset  0     4         5       8                      16
 *             "HYLL" encoding 3 bytes cached cardinality     registers ...
 *                    0 dense  unused  64 bits, little endian
 *                    1 sparse         highest bit: not valid
 *
 * **Dense**: 16384 registers of 6 bits, the lowest bits of a byte first; 12288 bytes.
 *
 *     byte   0        1        2
 *            11000000 22221111 33333322      register 0, 1, 2, 3
 *
 * **Sparse**: runs of equal registers, each an opcode of one or two bytes.
 *
 *     ZERO   00nnnnnn             n + 1 registers are 0
 *     XZERO  01nnnnnn nnnnnnnn    n + 1 registers are 0, high bits first
 *     VAL    1vvvvvnn             n + 1 registers are v + 1
 *
 * Values come from clients (SETRANGE, RESTORE) and from peers, so nothing here trusts them.
 */
import type { Region } from '../../base/region.js';

export const REGISTER_COUNT = 16384;
export const REGISTER_BITS = 6;
/** Bits of an element's hash that choose its register. */
export const INDEX_BITS = 14;
/** Bits of the hash that remain; a register holds 1 to HASH_BITS + 1. */
export const HASH_BITS = 50;

export const HEADER_BYTES = 16;
export const DENSE_BYTES = HEADER_BYTES + (REGISTER_COUNT * REGISTER_BITS) / 8;
/** An XZERO of one register each: no valid sparse value is longer. */
export const SPARSE_BYTES_MAX = HEADER_BYTES + 2 * REGISTER_COUNT;
export const EMPTY_SPARSE_BYTES = HEADER_BYTES + 2;

export const ENCODING_OFFSET = 4;
export const CARDINALITY_OFFSET = 8;
/** The byte with the bit that says that the cached cardinality is not valid. */
export const VALIDITY_OFFSET = 15;
export const INVALID_BIT = 0x80;

export const ENCODING_DENSE = 0;
export const ENCODING_SPARSE = 1;

export const ZERO_LENGTH_MAX = 64;
export const VALUE_LENGTH_MAX = 4;
/** Larger registers need the dense encoding. */
export const VALUE_MAX = 32;

export const XZERO_BIT = 0x40;
export const VALUE_BIT = 0x80;

/** What became of an operation on a value. */
export const VALID = 0;
/** The string is no HyperLogLog. */
export const NOT_HYPERLOGLOG = 1;
/** It says that it is one, but its registers cannot be read. */
export const CORRUPTED = 2;

export const NOT_HYPERLOGLOG_TEXT = 'WRONGTYPE Key is not a valid HyperLogLog string value.';
export const CORRUPTED_TEXT = 'INVALIDOBJ Corrupted HLL object detected';

const MAGIC = 0x4c4c5948;

/** Whether the string has the header and the length of a HyperLogLog: VALID or NOT_HYPERLOGLOG. */
export function checkHeader(region: Region, offset: number, length: number): number {
  if (length < HEADER_BYTES) return NOT_HYPERLOGLOG;
  if (region.view.getInt32(offset, true) !== MAGIC) return NOT_HYPERLOGLOG;
  const encoding = region.bytes[offset + ENCODING_OFFSET]!;
  if (encoding > ENCODING_SPARSE) return NOT_HYPERLOGLOG;
  if (encoding === ENCODING_DENSE && length !== DENSE_BYTES) return NOT_HYPERLOGLOG;
  return VALID;
}

export function isSparse(region: Region, offset: number): boolean {
  return region.bytes[offset + ENCODING_OFFSET] === ENCODING_SPARSE;
}

/** Writes a header with a cached cardinality of 0 that is valid. */
export function writeHeader(region: Region, offset: number, encoding: number): void {
  region.view.setInt32(offset, MAGIC, true);
  region.view.setInt32(offset + ENCODING_OFFSET, encoding, true);
  region.view.setInt32(offset + CARDINALITY_OFFSET, 0, true);
  region.view.setInt32(offset + CARDINALITY_OFFSET + 4, 0, true);
}

export function invalidateCardinality(region: Region, offset: number): void {
  region.bytes[offset + VALIDITY_OFFSET] = region.bytes[offset + VALIDITY_OFFSET]! | INVALID_BIT;
}
