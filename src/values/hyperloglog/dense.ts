/** Dense registers: 16384 times 6 bits. `start` is where the registers begin, behind the header. */
import type { Region } from '../../base/region.js';
import { HEADER_BYTES, REGISTER_COUNT } from './layout.js';

export function readRegister(region: Region, start: number, index: number): number {
  const bit = index * 6;
  const at = start + (bit >> 3);
  const shift = bit & 7;
  const low = region.bytes[at]! >> shift;
  // Only a register that begins in a byte's upper part has bits in the next one.
  return shift <= 2 ? low & 63 : (low | (region.bytes[at + 1]! << (8 - shift))) & 63;
}

export function writeRegister(region: Region, start: number, index: number, value: number): void {
  const bytes = region.bytes;
  const bit = index * 6;
  const at = start + (bit >> 3);
  const shift = bit & 7;
  bytes[at] = (bytes[at]! & ~(63 << shift)) | (value << shift);
  if (shift <= 2) return;
  bytes[at + 1] = (bytes[at + 1]! & ~(63 >> (8 - shift))) | (value >> (8 - shift));
}

/** Counts how many registers hold each value from 0 to 63. Four of them take three bytes. */
export function addDenseHistogram(histogram: Int32Array, region: Region, offset: number): void {
  const bytes = region.bytes;
  let at = offset + HEADER_BYTES;
  for (let i = 0; i < REGISTER_COUNT; i += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    at += 3;
    histogram[word & 63] = histogram[word & 63]! + 1;
    histogram[(word >> 6) & 63] = histogram[(word >> 6) & 63]! + 1;
    histogram[(word >> 12) & 63] = histogram[(word >> 12) & 63]! + 1;
    histogram[word >> 18] = histogram[word >> 18]! + 1;
  }
}

/** Raises each of the registers to what the value has, where that is more. */
export function raiseByDense(registers: Uint8Array, region: Region, offset: number): void {
  const bytes = region.bytes;
  let at = offset + HEADER_BYTES;
  for (let i = 0; i < REGISTER_COUNT; i += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    at += 3;
    if (word === 0) continue;
    if ((word & 63) > registers[i]!) registers[i] = word & 63;
    if (((word >> 6) & 63) > registers[i + 1]!) registers[i + 1] = (word >> 6) & 63;
    if (((word >> 12) & 63) > registers[i + 2]!) registers[i + 2] = (word >> 12) & 63;
    if (word >> 18 > registers[i + 3]!) registers[i + 3] = word >> 18;
  }
}
