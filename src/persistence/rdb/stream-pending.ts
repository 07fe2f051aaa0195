/**
 * The pending entries of a consumer group, as a file tells them: all of the group first, without
 * their consumers, then for each consumer its ids. They are kept here, in arrays that grow as they
 * come, until their consumer is known.
 */

import type { Region } from '../../base/region.js';
import type { ElementBatch } from './batch.js';
import { STREAM_ID_BYTES } from './batch.js';

const CAPACITY = 64;
/** An id takes this many words. */
const ID_WORDS = STREAM_ID_BYTES / 4;

export class PendingEntries {
  count = 0;
  /** Entries whose consumer is known. */
  owned = 0;
  /** Words of ids, most significant first. */
  private ids = new Uint32Array(CAPACITY * ID_WORDS);
  private deliveredMs = new Float64Array(CAPACITY);
  private deliveries = new Float64Array(CAPACITY);
  private isOwned = new Uint8Array(CAPACITY);

  clear(): void {
    this.count = 0;
    this.owned = 0;
    if (this.isOwned.length > 1024 * CAPACITY) this.resize(CAPACITY);
  }

  /**
   * Adds an entry. Redis writes them in the order of their ids.
   *
   * @returns whether its id is above the one before
   */
  add(region: Region, offset: number, deliveredMs: number, deliveries: number): boolean {
    const index = this.count;
    if (index === this.isOwned.length) this.resize(index * 2);
    for (let i = 0; i < ID_WORDS; i++) {
      this.ids[index * ID_WORDS + i] = region.view.getUint32(offset + 4 * i, false);
    }
    this.deliveredMs[index] = deliveredMs;
    this.deliveries[index] = deliveries;
    this.isOwned[index] = 0;
    this.count++;
    return index === 0 || this.compare(index - 1, region, offset) < 0;
  }

  /** Where the id stands, or -1. */
  find(region: Region, offset: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = this.compare(middle, region, offset);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** Gives the entry to a consumer. @returns false when it has one */
  own(index: number): boolean {
    if (this.isOwned[index] === 1) return false;
    this.isOwned[index] = 1;
    this.owned++;
    return true;
  }

  addTo(batch: ElementBatch, index: number): void {
    const slot = batch.take(STREAM_ID_BYTES);
    const offset = batch.offset[slot]!;
    for (let i = 0; i < ID_WORDS; i++) {
      batch.region.view.setUint32(offset + 4 * i, this.ids[index * ID_WORDS + i]!, false);
    }
    batch.deliveredMs[slot] = this.deliveredMs[index]!;
    batch.deliveries[slot] = this.deliveries[index]!;
  }

  private compare(index: number, region: Region, offset: number): number {
    for (let i = 0; i < ID_WORDS; i++) {
      const difference =
        this.ids[index * ID_WORDS + i]! - region.view.getUint32(offset + 4 * i, false);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  private resize(capacity: number): void {
    const kept = Math.min(this.count, capacity);
    const ids = new Uint32Array(capacity * ID_WORDS);
    ids.set(this.ids.subarray(0, kept * ID_WORDS));
    this.ids = ids;
    const deliveredMs = new Float64Array(capacity);
    deliveredMs.set(this.deliveredMs.subarray(0, kept));
    this.deliveredMs = deliveredMs;
    const deliveries = new Float64Array(capacity);
    deliveries.set(this.deliveries.subarray(0, kept));
    this.deliveries = deliveries;
    const isOwned = new Uint8Array(capacity);
    isOwned.set(this.isOwned.subarray(0, kept));
    this.isOwned = isOwned;
  }
}
