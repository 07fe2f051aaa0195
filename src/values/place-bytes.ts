/** Bytes that say where the shipping of a large value in parts has come to: a name, a member, an id. */
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
import { compareBytes, copyBytes, type Region } from '../base/region.js';

const FIRST_BYTES = 64;
const KEPT_BYTES = 4096;

/** Bytes of a name, which grow with it. */
export class PlaceBytes {
  region = newRegion(FIRST_BYTES);
  length = 0;

  set(region: Region, offset: number, length: number): void {
    this.region = withRoom(this.region, 0, length);
    copyBytes(this.region, 0, region, offset, length);
    this.length = length;
  }

  clear(): void {
    this.length = 0;
  }

  /** Negative when these bytes come before the others, 0 when they are the same. */
  compare(region: Region, offset: number, length: number): number {
    return compareBytes(this.region, 0, this.length, region, offset, length);
  }

  /** Gives back what a long name needed. */
  release(): void {
    this.length = 0;
    if (this.region.length <= KEPT_BYTES) return;
    giveBack(this.region);
    this.region = newRegion(FIRST_BYTES);
  }
}
