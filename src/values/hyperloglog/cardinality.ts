/**
 * PFCOUNT: the cardinality of one value, which is cached in its header, or of the union of several.
 *
 * Registers that only a client can have made up give cardinalities beyond what a number holds
 * exactly, so the result is two halves, as the header has them.
 */
import type { Region } from '../../base/region.js';
import { addDenseHistogram, raiseByDense } from './dense.js';
import { estimateCardinality, HISTOGRAM_LENGTH } from './estimate.js';
import {
  CARDINALITY_OFFSET,
  checkHeader,
  INVALID_BIT,
  isSparse,
  REGISTER_COUNT,
  VALID,
  VALIDITY_OFFSET,
} from './layout.js';
import { addSparseHistogram, raiseBySparse } from './sparse.js';

const HALF = 2 ** 32;
const SIGNED_END = 2 ** 63;

export class Cardinality {
  /** Both halves as signed integers of 32 bits. */
  low = 0;
  high = 0;

  /** A signed 64-bit integer, as the reply has it: Redis's too turns negative. */
  toBigInt(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low >>> 0);
  }

  /** Whether `toNumber` is exact. */
  get isSafe(): boolean {
    return this.high >= 0 && this.high < 2 ** 21;
  }

  toNumber(): number {
    return this.high * HALF + (this.low >>> 0);
  }

  set(estimate: number): void {
    if (estimate >= SIGNED_END) {
      this.low = 0;
      this.high = 0x80000000 | 0;
      return;
    }
    this.low = (estimate % HALF) | 0;
    this.high = Math.floor(estimate / HALF) | 0;
  }
}

/** Reads the cached cardinality of a value whose header is valid; false when it has none. */
export function readCachedCardinality(out: Cardinality, region: Region, offset: number): boolean {
  if ((region.bytes[offset + VALIDITY_OFFSET]! & INVALID_BIT) !== 0) return false;
  out.low = region.view.getInt32(offset + CARDINALITY_OFFSET, true);
  out.high = region.view.getInt32(offset + CARDINALITY_OFFSET + 4, true);
  return true;
}

/** Writes the header's cached cardinality; the length of the value stays. */
export function writeCachedCardinality(region: Region, offset: number, value: Cardinality): void {
  region.view.setInt32(offset + CARDINALITY_OFFSET, value.low, true);
  region.view.setInt32(offset + CARDINALITY_OFFSET + 4, value.high, true);
}

/** Counts values and unions. One for each thread; reused, so that counting allocates nothing. */
export class HyperLogLogCounter {
  readonly registers = new Uint8Array(REGISTER_COUNT);
  /** Whether one of the values of the union was dense. */
  hasDense = false;
  private readonly histogram = new Int32Array(HISTOGRAM_LENGTH);

  /** The cardinality of one value, not from its cache: VALID, NOT_HYPERLOGLOG or CORRUPTED. */
  count(out: Cardinality, region: Region, offset: number, length: number): number {
    const state = checkHeader(region, offset, length);
    if (state !== VALID) return state;
    this.histogram.fill(0);
    if (isSparse(region, offset)) {
      const read = addSparseHistogram(this.histogram, region, offset, length);
      if (read !== VALID) return read;
    } else {
      addDenseHistogram(this.histogram, region, offset);
    }
    out.set(estimateCardinality(this.histogram));
    return VALID;
  }

  beginUnion(): void {
    this.registers.fill(0);
    this.hasDense = false;
  }

  /** Joins a value to the union: VALID, NOT_HYPERLOGLOG or CORRUPTED (the union is of no use then). */
  join(region: Region, offset: number, length: number): number {
    const state = checkHeader(region, offset, length);
    if (state !== VALID) return state;
    if (isSparse(region, offset)) return raiseBySparse(this.registers, region, offset, length);
    this.hasDense = true;
    raiseByDense(this.registers, region, offset);
    return VALID;
  }

  countUnion(out: Cardinality): void {
    this.histogram.fill(0);
    for (let i = 0; i < REGISTER_COUNT; i++) {
      const value = this.registers[i]!;
      this.histogram[value] = this.histogram[value]! + 1;
    }
    out.set(estimateCardinality(this.histogram));
  }
}
