/**
 * Raising registers of a sparse value, in a buffer of the writer's own.
 *
 * A run that covers the register is split into up to three; then up to five runs from the one before
 * it on are looked at, and neighbours of equal value become one. The bytes are those that Redis
 * would have, as replicas and DUMP compare them.
 *
 * Redis searches the run from the first byte each time. Here a search begins at the run before the
 * one changed last, when the register lies behind it: PFMERGE raises registers in ascending order
 * and would take quadratic time otherwise.
 */
import { copyBytes, moveBytes, Region } from '../../base/region.js';
import {
  CORRUPTED,
  EMPTY_SPARSE_BYTES,
  ENCODING_SPARSE,
  HEADER_BYTES,
  invalidateCardinality,
  REGISTER_COUNT,
  SPARSE_BYTES_MAX,
  VALID,
  VALUE_BIT,
  VALUE_LENGTH_MAX,
  VALUE_MAX,
  writeHeader,
  XZERO_BIT,
  ZERO_LENGTH_MAX,
} from './layout.js';
import { isExtendedZero, isValue, opcodeBytes, runLength, runValue } from './sparse.js';

export const RAISED = 0;
export const UNCHANGED = 1;
export const BROKEN = 2;
/** The sparse encoding cannot hold it, or would be longer than allowed: nothing has changed. */
export const NEEDS_DENSE = 3;

const SPLIT_BYTES_MAX = 5;
const MERGE_RUNS_MAX = 5;
const NONE = -1;

function capacity(): number {
  return (SPARSE_BYTES_MAX + SPLIT_BYTES_MAX + 7) & ~7;
}

export class SparseWriter {
  readonly region = new Region(new SharedArrayBuffer(capacity()), 0);
  length = 0;
  private readonly split = new Uint8Array(SPLIT_BYTES_MAX);
  private splitLength = 0;
  /** The run found: where it is, its first register, how many it has, and the run before it. */
  private at = 0;
  private first = 0;
  private span = 0;
  private previous = NONE;
  private previousFirst = 0;
  /** Where the next search may begin: a run, and its first register. */
  private resumeAt = HEADER_BYTES;
  private resumeFirst = 0;

  /** Takes a copy of a sparse value: VALID, or CORRUPTED when it is longer than any can be. */
  open(value: Region, offset: number, length: number): number {
    if (length > SPARSE_BYTES_MAX) return CORRUPTED;
    copyBytes(this.region, 0, value, offset, length);
    this.length = length;
    this.forgetPlace();
    return VALID;
  }

  /** Begins with 16384 registers of 0. */
  openEmpty(): void {
    writeHeader(this.region, 0, ENCODING_SPARSE);
    this.writeZeros(this.region.bytes, HEADER_BYTES, REGISTER_COUNT);
    this.length = EMPTY_SPARSE_BYTES;
    this.forgetPlace();
  }

  /**
   * Raises a register to `value`, unless it has as much.
   *
   * @param bytesMax hll-sparse-max-bytes
   * @returns RAISED, UNCHANGED, BROKEN or NEEDS_DENSE
   */
  raise(index: number, value: number, bytesMax: number): number {
    if (value > VALUE_MAX) return NEEDS_DENSE;
    if (!this.find(index)) return BROKEN;
    const bytes = this.region.bytes;
    const opcode = bytes[this.at]!;
    if (isValue(opcode) && runValue(opcode) >= value) return UNCHANGED;
    if (this.span === 1 && !isExtendedZero(opcode)) {
      bytes[this.at] = valueOpcode(value, 1);
    } else {
      this.splitRun(index, value, opcode);
      const width = opcodeBytes(opcode);
      const growth = this.splitLength - width;
      if (growth > 0 && this.length + growth > bytesMax) return NEEDS_DENSE;
      moveBytes(
        this.region,
        this.at + this.splitLength,
        this.at + width,
        this.length - this.at - width,
      );
      for (let i = 0; i < this.splitLength; i++) bytes[this.at + i] = this.split[i]!;
      this.length += growth;
    }
    this.mergeRuns(this.previous === NONE ? HEADER_BYTES : this.previous);
    this.resumeAt = this.previous === NONE ? HEADER_BYTES : this.previous;
    this.resumeFirst = this.previous === NONE ? 0 : this.previousFirst;
    invalidateCardinality(this.region, 0);
    return RAISED;
  }

  private forgetPlace(): void {
    this.resumeAt = HEADER_BYTES;
    this.resumeFirst = 0;
  }

  private find(index: number): boolean {
    if (index >= this.resumeFirst && this.findFrom(this.resumeAt, this.resumeFirst, index)) {
      // What lies before the run where the search begins is not known.
      if (this.previous !== NONE || this.at === HEADER_BYTES) return true;
    }
    return this.findFrom(HEADER_BYTES, 0, index);
  }

  private findFrom(start: number, startFirst: number, index: number): boolean {
    const bytes = this.region.bytes;
    const end = this.length;
    let at = start;
    let first = startFirst;
    let previous = NONE;
    let previousFirst = 0;
    while (at < end) {
      const width = opcodeBytes(bytes[at]!);
      if (at + width > end) return false;
      const span = runLength(bytes, at);
      if (index < first + span) {
        this.at = at;
        this.first = first;
        this.span = span;
        this.previous = previous;
        this.previousFirst = previousFirst;
        return true;
      }
      previous = at;
      previousFirst = first;
      at += width;
      first += span;
    }
    return false;
  }

  /** The runs that take the place of the one found, into `split`. */
  private splitRun(index: number, value: number, opcode: number): void {
    const before = index - this.first;
    const after = this.first + this.span - 1 - index;
    let at = 0;
    if (before > 0) at = this.writeRest(at, before, opcode);
    this.split[at++] = valueOpcode(value, 1);
    if (after > 0) at = this.writeRest(at, after, opcode);
    this.splitLength = at;
  }

  private writeRest(at: number, count: number, opcode: number): number {
    if (!isValue(opcode)) return this.writeZeros(this.split, at, count);
    this.split[at] = valueOpcode(runValue(opcode), count);
    return at + 1;
  }

  private writeZeros(bytes: Uint8Array, at: number, count: number): number {
    if (count <= ZERO_LENGTH_MAX) {
      bytes[at] = count - 1;
      return at + 1;
    }
    bytes[at] = XZERO_BIT | ((count - 1) >> 8);
    bytes[at + 1] = (count - 1) & 0xff;
    return at + 2;
  }

  private mergeRuns(start: number): void {
    const bytes = this.region.bytes;
    let at = start;
    for (let looked = 0; looked < MERGE_RUNS_MAX && at < this.length; looked++) {
      const opcode = bytes[at]!;
      if (!isValue(opcode)) {
        at += opcodeBytes(opcode);
        continue;
      }
      const next = at + 1 < this.length ? bytes[at + 1]! : 0;
      const joined = (opcode & 3) + (next & 3) + 2;
      if (isValue(next) && runValue(next) === runValue(opcode) && joined <= VALUE_LENGTH_MAX) {
        bytes[at + 1] = valueOpcode(runValue(opcode), joined);
        moveBytes(this.region, at, at + 1, this.length - at - 1);
        this.length--;
        continue;
      }
      at++;
    }
  }
}

function valueOpcode(value: number, count: number): number {
  return VALUE_BIT | ((value - 1) << 2) | (count - 1);
}
