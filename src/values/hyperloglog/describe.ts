/** What PFDEBUG shows of a value. Off the data path. */
import type { Region } from '../../base/region.js';
import { readRegister } from './dense.js';
import { HEADER_BYTES, isSparse, REGISTER_COUNT } from './layout.js';
import { isExtendedZero, isValue, opcodeBytes, runLength, runValue } from './sparse.js';

export const NOT_SPARSE_TEXT = 'ERR HLL encoding is not sparse';

/** PFDEBUG ENCODING, of a value whose header is valid. */
export function encodingName(region: Region, offset: number): 'dense' | 'sparse' {
  return isSparse(region, offset) ? 'sparse' : 'dense';
}

/** PFDEBUG DECODE: the runs of a sparse value, as `z:length`, `Z:length` and `v:value,length`. */
export function describeRuns(region: Region, offset: number, length: number): string {
  const bytes = region.bytes;
  const end = offset + length;
  const runs: string[] = [];
  for (let at = offset + HEADER_BYTES; at < end; at += opcodeBytes(bytes[at]!)) {
    const opcode = bytes[at]!;
    if (isValue(opcode)) runs.push(`v:${runValue(opcode)},${runLength(bytes, at)}`);
    else if (!isExtendedZero(opcode)) runs.push(`z:${runLength(bytes, at)}`);
    // A corrupted value may end in the middle of a run.
    else if (at + 1 < end) runs.push(`Z:${runLength(bytes, at)}`);
    else runs.push(`Z:${((opcode & 63) << 8) + 1}`);
  }
  return runs.join(' ');
}

/** PFDEBUG GETREG: all registers of a dense value. */
export function listRegisters(region: Region, offset: number): number[] {
  const registers: number[] = [];
  for (let i = 0; i < REGISTER_COUNT; i++) {
    registers.push(readRegister(region, offset + HEADER_BYTES, i));
  }
  return registers;
}
