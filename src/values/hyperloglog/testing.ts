/** HyperLogLog values as test code holds them: byte strings, edited the way the commands will. */
import { Region } from '../../base/region.js';
import { Cardinality, HyperLogLogCounter, readCachedCardinality } from './cardinality.js';
import { HyperLogLogEdit } from './edit.js';
import { VALID } from './layout.js';

/** Redis's default for hll-sparse-max-bytes. */
export const SPARSE_BYTES = 3000;

const MARGIN = 64;
const GUARD = 0xa5;

const edit = new HyperLogLogEdit();
const counter = new HyperLogLogCounter();

/** The bytes of a string in a region, with guard bytes around them, from MARGIN on. */
export function regionOf(bytes: string, room = bytes.length): Region {
  const region = new Region(new SharedArrayBuffer((room + 2 * MARGIN + 7) & ~7), 0);
  region.bytes.fill(GUARD);
  region.bytes.set(Buffer.from(bytes, 'latin1'), MARGIN);
  return region;
}

function takeFrom(region: Region, length: number): string {
  const guards = [...region.bytes.slice(0, MARGIN), ...region.bytes.slice(MARGIN + length)];
  if (guards.some((byte) => byte !== GUARD)) throw new Error('bytes outside the value changed');
  return Buffer.from(region.bytes.slice(MARGIN, MARGIN + length)).toString('latin1');
}

export interface Outcome {
  readonly state: number;
  readonly value: string;
  readonly changes: number;
}

function change(value: string | undefined, make: () => number): Outcome {
  const source = regionOf(value ?? '');
  let state = VALID;
  if (value === undefined) edit.create();
  else state = edit.open(source, MARGIN, value.length);
  if (state === VALID) state = make();
  if (state !== VALID) return { state, value: value ?? '', changes: 0 };
  const { changes, length } = edit;
  const target = edit.inPlace ? source : regionOf('', length);
  edit.write(target, MARGIN);
  return { state, value: takeFrom(target, length), changes };
}

/** PFADD; `value` is undefined for a key that does not exist. */
export function addAll(
  value: string | undefined,
  elements: readonly string[],
  bytesMax = SPARSE_BYTES,
): Outcome {
  return change(value, () => {
    for (const element of elements) {
      const region = regionOf(element);
      const state = edit.add(region, MARGIN, element.length, bytesMax);
      if (state !== VALID) return state;
    }
    return VALID;
  });
}

/** PFMERGE. */
export function mergeAll(
  destination: string | undefined,
  sources: readonly string[],
  bytesMax = SPARSE_BYTES,
): Outcome {
  counter.beginUnion();
  for (const value of destination === undefined ? sources : [destination, ...sources]) {
    const state = counter.join(regionOf(value), MARGIN, value.length);
    if (state !== VALID) return { state, value, changes: 0 };
  }
  return change(destination, () => {
    const state = counter.hasDense ? edit.toDense() : VALID;
    return state === VALID ? edit.raiseAll(counter.registers, bytesMax) : state;
  });
}

/** PFDEBUG TODENSE. */
export function makeDense(value: string): Outcome {
  return change(value, () => edit.toDense());
}

/** PFCOUNT of one value, not from its cache, or the state that forbids it. */
export function countOf(value: string): bigint | number {
  const out = new Cardinality();
  const state = counter.count(out, regionOf(value), MARGIN, value.length);
  return state === VALID ? out.toBigInt() : state;
}

export function countUnion(values: readonly string[]): bigint | number {
  counter.beginUnion();
  for (const value of values) {
    const state = counter.join(regionOf(value), MARGIN, value.length);
    if (state !== VALID) return state;
  }
  const out = new Cardinality();
  counter.countUnion(out);
  return out.toBigInt();
}

export function cachedCount(value: string): bigint | undefined {
  const out = new Cardinality();
  return readCachedCardinality(out, regionOf(value), MARGIN) ? out.toBigInt() : undefined;
}
