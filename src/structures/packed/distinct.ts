/**
 * Whether elements of a packed value differ: a hash table of their places with linear probing, in
 * memory that is used again for each value. A full sync asks it of every small set, hash and sorted set,
 * so it makes no object for an element. Equal elements have equal bytes, and the first byte tells how
 * long an element is (element.ts).
 */
import { equalBytes, type Region } from '../../base/region.js';

const PLACES_MIN = 1024;
const FNV_PRIME = 0x0100_0193;

export class DistinctElements {
  /** Offsets + 1; 0 for none. The first `mask` + 1 of them are in use. */
  private places = new Int32Array(PLACES_MIN);
  private mask = 0;

  /** Before a value with so many elements that have to differ. */
  begin(count: number): void {
    let size = 16;
    while (size < count * 2) size *= 2;
    if (size > this.places.length) this.places = new Int32Array(size);
    else this.places.fill(0, 0, size);
    this.mask = size - 1;
  }

  /** Adds a valid element, which lies behind those added before. @returns false when one is equal */
  add(region: Region, at: number, size: number): boolean {
    const { places, mask } = this;
    let place = hashOf(region, at, size) & mask;
    for (let other = places[place]!; other !== 0; other = places[place]!) {
      if (equalBytes(region, other - 1, region, at, size)) return false;
      place = (place + 1) & mask;
    }
    places[place] = at + 1;
    return true;
  }
}

/** FNV-1, with the length as its beginning. */
function hashOf({ bytes }: Region, at: number, size: number): number {
  let hash = size;
  for (let i = 0; i < size; i++) hash = Math.imul(hash, FNV_PRIME) ^ bytes[at + i]!;
  return hash ^ (hash >>> 15);
}
