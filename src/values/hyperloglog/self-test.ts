/**
 * PFSELFTEST: whether registers keep apart from each other, both encodings agree, and estimates are
 * about as good as theory says. It takes a second or so, as Redis's does.
 */
import { Region } from '../../base/region.js';
import { Cardinality, HyperLogLogCounter } from './cardinality.js';
import { readRegister, writeRegister } from './dense.js';
import { HyperLogLogEdit } from './edit.js';
import {
  DENSE_BYTES,
  ENCODING_DENSE,
  HEADER_BYTES,
  isSparse,
  REGISTER_COUNT,
  VALID,
  writeHeader,
} from './layout.js';

const REGISTER_ROUNDS = 1000;
export const SELF_TEST_ELEMENTS = 10_000_000;
/** The standard error of an estimate, as a share. */
const STANDARD_ERROR = 1.04 / Math.sqrt(REGISTER_COUNT);
const ERRORS_MAX = 6;

export interface SelfTestOptions {
  /** An integer from 0 to 2^32 - 1. */
  readonly random: () => number;
  /** hll-sparse-max-bytes */
  readonly sparseBytesMax: number;
  readonly elements?: number;
}

/** @returns null, or the error that says what is wrong */
export function selfTest(options: SelfTestOptions): string | null {
  return testRegisters(options.random) ?? testEstimates(options);
}

function testRegisters(random: () => number): string | null {
  const value = new Region(new SharedArrayBuffer(DENSE_BYTES), 0);
  const model = new Uint8Array(REGISTER_COUNT);
  for (let round = 0; round < REGISTER_ROUNDS; round++) {
    for (let i = 0; i < REGISTER_COUNT; i++) {
      model[i] = random() & 63;
      writeRegister(value, HEADER_BYTES, i, model[i]!);
    }
    for (let i = 0; i < REGISTER_COUNT; i++) {
      const found = readRegister(value, HEADER_BYTES, i);
      if (found === model[i]) continue;
      return `ERR TESTFAILED Register ${i} should be ${model[i]} but is ${found}`;
    }
  }
  return null;
}

/** A value that elements are added to, and that is written out to be counted. */
class Growing {
  readonly region = new Region(new SharedArrayBuffer(DENSE_BYTES), 0);
  private length = 0;
  private readonly edit = new HyperLogLogEdit();
  private readonly counted = new Cardinality();

  constructor(
    private readonly sparseBytesMax: number,
    private readonly counter: HyperLogLogCounter,
  ) {
    this.edit.create();
  }

  beginDense(): void {
    writeHeader(this.region, 0, ENCODING_DENSE);
    this.edit.open(this.region, 0, DENSE_BYTES);
  }

  add(element: Region): void {
    this.edit.add(element, 0, 8, this.sparseBytesMax);
  }

  count(): number {
    this.length = this.edit.length;
    this.edit.write(this.region, 0);
    const state = this.counter.count(this.counted, this.region, 0, this.length);
    this.edit.open(this.region, 0, this.length);
    return state === VALID ? this.counted.toNumber() : Number.NaN;
  }
}

function testEstimates(options: SelfTestOptions): string | null {
  const { random, sparseBytesMax, elements = SELF_TEST_ELEMENTS } = options;
  const counter = new HyperLogLogCounter();
  const dense = new Growing(sparseBytesMax, counter);
  dense.beginDense();
  const any = new Growing(sparseBytesMax, counter);
  const element = new Region(new SharedArrayBuffer(8), 0);
  const seed = random() | 0;
  element.words[1] = random() | 0;
  let checkpoint = 1;
  for (let i = 1; i <= elements; i++) {
    element.words[0] = i ^ seed;
    dense.add(element);
    any.add(element);
    if (i !== checkpoint) continue;
    const count = any.count();
    if (i < sparseBytesMax / 2 && !isSparse(any.region, 0)) {
      return 'ERR TESTFAILED sparse encoding not used';
    }
    if (dense.count() !== count) return 'ERR TESTFAILED dense/sparse disagree';
    const error = Math.abs(checkpoint - count);
    if (error > allowedError(checkpoint)) {
      return `ERR TESTFAILED Too big error. card:${checkpoint} abserr:${error}`;
    }
    checkpoint *= 10;
  }
  return null;
}

function allowedError(cardinality: number): number {
  // Ten elements now and then share a register.
  return cardinality === 10 ? 1 : Math.ceil(STANDARD_ERROR * ERRORS_MAX * cardinality);
}
