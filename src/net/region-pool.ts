/**
 * Large regions of one thread between two uses: what a large reply is written to, what a large
 * command is received into. Fresh memory costs a page fault every 4 KiB, more than copying what
 * is written to it; and the one used last is the one whose bytes are still in the caches.
 */
import { giveBack } from '../base/owned-region.js';
import type { Region } from '../base/region.js';

/** Larger ones are given back at once. */
const POOLED_BYTES_MAX = 8 << 20;
const POOLED_REGIONS_MAX = 4;

export class RegionPool {
  private readonly regions: Region[] = [];
  /** Calls of `trim` since a region came back. */
  private trimsUnused = 0;

  /**
   * @param createRegion makes a region of so many zero bytes
   * @param most regions that are kept
   */
  constructor(
    private readonly createRegion: (bytes: number) => Region,
    private readonly most = POOLED_REGIONS_MAX,
  ) {}

  /** A region of at least so many bytes, with any content. */
  take(bytes: number): Region {
    const { regions } = this;
    for (let i = regions.length - 1; i >= 0; i--) {
      if (regions[i]!.length >= bytes) return regions.splice(i, 1)[0]!;
    }
    return this.createRegion(bytes);
  }

  /** Nothing uses the region's bytes any more. The one that was unused for the longest makes place. */
  give(region: Region): void {
    const { regions } = this;
    if (region.length > POOLED_BYTES_MAX) {
      giveBack(region);
      return;
    }
    if (regions.length === this.most) giveBack(regions.shift()!);
    regions.push(region);
    this.trimsUnused = 0;
  }

  /** Gives the pool's memory back when nobody needed any since this was called last. */
  trim(): void {
    this.trimsUnused++;
    if (this.trimsUnused === 2) for (const region of this.regions) giveBack(region);
  }
}
