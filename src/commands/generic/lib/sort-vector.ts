/**
 * What SORT works on: copies of all elements and of what they are compared by, in one region, as the
 * keys that BY and GET read lie in other shards and may remove others that have expired. Per element
 * there are 8 bytes of place, 4 of order, and 8 of a number or of the place of a weight.
 */
import type { ArgumentVector } from '../../../base/arguments.js';
import { giveBack, newRegion, withRoom } from '../../../base/owned-region.js';
import { compareBytes, copyBytes, type Region } from '../../../base/region.js';

/** Elements, weights and results of one command. */
export const SORT_BYTES_MAX = 1 << 30;
/** Elements that are answered or stored, each counted for each GET. */
export const SORT_RESULTS_MAX = 1 << 27;
const INITIAL_BYTES = 4096;
const ABSENT = -1;

/** Byte strings, one after the other, in the memory that they share with others. */
export class SortBytes {
  region = newRegion(INITIAL_BYTES);
  private used = 0;
  /** Set when there was no room for all bytes. */
  isFull = false;

  /** @returns where the copy is */
  add(source: Region, offset: number, length: number): number {
    if (this.isFull || this.used + length > SORT_BYTES_MAX) {
      this.isFull = true;
      return 0;
    }
    this.region = withRoom(this.region, this.used, this.used + length);
    const at = this.used;
    copyBytes(this.region, at, source, offset, length);
    this.used += length;
    return at;
  }

  /** Once nothing looks at the copies any more. */
  release(): void {
    giveBack(this.region);
  }
}

/** A list of byte strings, as a command vector has it. */
export class SortStrings implements ArgumentVector {
  count = 0;
  readonly offset: Int32Array;
  readonly length: Int32Array;

  constructor(
    private readonly bytes: SortBytes,
    countMax: number,
  ) {
    this.offset = new Int32Array(countMax);
    this.length = new Int32Array(countMax);
  }

  get region(): Region {
    return this.bytes.region;
  }

  add(source: Region, offset: number, length: number): void {
    this.offset[this.count] = this.bytes.add(source, offset, length);
    this.length[this.count] = length;
    this.count++;
  }

  addAbsent(): void {
    this.length[this.count++] = ABSENT;
  }

  /** Adds one that is there already. */
  addPlace(offset: number, length: number): void {
    this.offset[this.count] = offset;
    this.length[this.count] = length;
    this.count++;
  }

  compare(a: number, b: number): number {
    const { offset, length, region } = this;
    return compareBytes(region, offset[a]!, length[a]!, region, offset[b]!, length[b]!);
  }

  /** The same, where what is absent comes before what is there. */
  compareWithAbsent(a: number, b: number): number {
    const isThere = this.length[a] !== ABSENT;
    if (isThere && this.length[b] !== ABSENT) return this.compare(a, b);
    if (this.length[a] === this.length[b]) return 0;
    return isThere ? 1 : -1;
  }
}

/** The indexes 0 to before `count`. */
export function unsorted(count: number): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  return order;
}

/** Orders elements by their numbers, and equal ones by their bytes. */
export function sortByNumbers(
  order: Uint32Array,
  elements: SortStrings,
  numbers: Float64Array,
  isDescending: boolean,
): void {
  const sign = isDescending ? -1 : 1;
  order.sort((a, b) => {
    const difference = numbers[a]! - numbers[b]!;
    if (difference !== 0 && !Number.isNaN(difference)) return difference * sign;
    // Infinities have no difference.
    if (numbers[a] !== numbers[b]) return (numbers[a]! > numbers[b]! ? 1 : -1) * sign;
    return elements.compare(a, b) * sign;
  });
}

/** Orders elements by strings, equal ones as they were. */
export function sortByStrings(
  order: Uint32Array,
  strings: SortStrings,
  isDescending: boolean,
): void {
  const sign = isDescending ? -1 : 1;
  order.sort((a, b) => strings.compareWithAbsent(a, b) * sign);
}
