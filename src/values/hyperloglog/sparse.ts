/**
 * Reading sparse registers: opcodes, and walks over all runs. Each walk stops at the value's end and
 * at the last register, whatever the opcodes say; a last XZERO without its second byte is corrupted.
 */
import type { Region } from '../../base/region.js';
import { writeRegister } from './dense.js';
import {
  CORRUPTED,
  ENCODING_DENSE,
  ENCODING_OFFSET,
  HEADER_BYTES,
  REGISTER_COUNT,
  VALID,
  VALUE_BIT,
  XZERO_BIT,
} from './layout.js';

export function isValue(opcode: number): boolean {
  return (opcode & VALUE_BIT) !== 0;
}

export function isExtendedZero(opcode: number): boolean {
  return (opcode & (VALUE_BIT | XZERO_BIT)) === XZERO_BIT;
}

export function opcodeBytes(opcode: number): number {
  return isExtendedZero(opcode) ? 2 : 1;
}

/** How many registers the run at `at` covers. The byte behind an XZERO must be there. */
export function runLength(bytes: Uint8Array, at: number): number {
  const opcode = bytes[at]!;
  if (isValue(opcode)) return (opcode & 3) + 1;
  if (isExtendedZero(opcode)) return (((opcode & 63) << 8) | bytes[at + 1]!) + 1;
  return (opcode & 63) + 1;
}

/** The registers of a VAL run. */
export function runValue(opcode: number): number {
  return ((opcode >> 2) & 31) + 1;
}

/** Adds the registers to a histogram: VALID, or CORRUPTED when they are not 16384. */
export function addSparseHistogram(
  histogram: Int32Array,
  region: Region,
  offset: number,
  length: number,
): number {
  const bytes = region.bytes;
  const end = offset + length;
  let at = offset + HEADER_BYTES;
  let index = 0;
  while (at < end) {
    const opcode = bytes[at]!;
    const width = opcodeBytes(opcode);
    if (at + width > end) return CORRUPTED;
    const run = runLength(bytes, at);
    index += run;
    if (index > REGISTER_COUNT) return CORRUPTED;
    const value = isValue(opcode) ? runValue(opcode) : 0;
    histogram[value] = histogram[value]! + run;
    at += width;
  }
  return index === REGISTER_COUNT ? VALID : CORRUPTED;
}

/** Raises each of the registers to what the value has. When CORRUPTED, some may be raised. */
export function raiseBySparse(
  registers: Uint8Array,
  region: Region,
  offset: number,
  length: number,
): number {
  const bytes = region.bytes;
  const end = offset + length;
  let at = offset + HEADER_BYTES;
  let index = 0;
  while (at < end) {
    const opcode = bytes[at]!;
    const width = opcodeBytes(opcode);
    if (at + width > end) return CORRUPTED;
    const next = index + runLength(bytes, at);
    if (next > REGISTER_COUNT) return CORRUPTED;
    if (isValue(opcode)) {
      const value = runValue(opcode);
      for (; index < next; index++) if (value > registers[index]!) registers[index] = value;
    }
    index = next;
    at += width;
  }
  return index === REGISTER_COUNT ? VALID : CORRUPTED;
}

/**
 * Writes the dense form of a sparse value, its cached cardinality included, to `dense`, which has
 * room for DENSE_BYTES. When CORRUPTED, what `dense` holds is of no use.
 */
export function sparseToDense(
  dense: Region,
  region: Region,
  offset: number,
  length: number,
): number {
  const bytes = region.bytes;
  dense.bytes.fill(0, HEADER_BYTES);
  for (let i = 0; i < HEADER_BYTES; i++) dense.bytes[i] = bytes[offset + i]!;
  dense.bytes[ENCODING_OFFSET] = ENCODING_DENSE;
  const end = offset + length;
  let at = offset + HEADER_BYTES;
  let index = 0;
  while (at < end) {
    const opcode = bytes[at]!;
    const width = opcodeBytes(opcode);
    if (at + width > end) return CORRUPTED;
    const next = index + runLength(bytes, at);
    if (next > REGISTER_COUNT) return CORRUPTED;
    if (isValue(opcode)) {
      const value = runValue(opcode);
      for (; index < next; index++) writeRegister(dense, HEADER_BYTES, index, value);
    }
    index = next;
    at += width;
  }
  return index === REGISTER_COUNT ? VALID : CORRUPTED;
}
