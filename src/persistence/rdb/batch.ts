/**
 * Elements of a collection in flight: between a reader and a store, or a store and a writer. Their
 * bytes stand one after the other in a region of the batch's own; arrays hold their places and
 * numbers. A batch is reused and bounded, so that a collection of any size passes through it.
 *
 *     lists, sets       slot i: the element
 *     hashes            slots 2i and 2i + 1: field and value;         expiryMs[i]
 *     sorted sets       slot i: the member;                           score[i]
 *     streams           entryEnd[i]: the slot after entry i; its first slot is the id (16 bytes,
 *                       big-endian), then field and value in turn
 *     pending entries   slot i: the id;             deliveredMs[i], deliveries[i]
 */
import { withRoom } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import { RdbError } from './error.js';
import { newRegion } from './input.js';

const SLOTS = 512;
const BYTES = 64 * 1024;
/** Field and value stand in one region, whose offsets stay below 2^31. */
const PLACE_MAX = 0x7fff_0000;
export const STREAM_ID_BYTES = 16;
/** In `expiryMs`: the field does not expire. */
export const NO_EXPIRY = -1;

export class ElementBatch {
  region: Region = newRegion(BYTES);
  /** Slots in use. */
  count = 0;
  offset = new Int32Array(SLOTS);
  length = new Int32Array(SLOTS);
  readonly score = new Float64Array(SLOTS);
  /** Absolute, milliseconds since 1970. */
  readonly expiryMs = new Float64Array(SLOTS / 2);
  readonly deliveredMs = new Float64Array(SLOTS);
  readonly deliveries = new Float64Array(SLOTS);
  /** Stream entries in the batch. */
  entries = 0;
  readonly entryEnd = new Int32Array(SLOTS);
  private used = 0;

  /** Whether it should be delivered before more is added. */
  get isFull(): boolean {
    return this.count >= SLOTS - 1 || this.used >= BYTES;
  }

  /** Empties it; memory that one large element needed goes back. */
  clear(): void {
    this.count = 0;
    this.entries = 0;
    this.used = 0;
    if (this.region.length > 4 * BYTES) this.region = newRegion(BYTES);
    if (this.offset.length > 4 * SLOTS) {
      this.offset = new Int32Array(SLOTS);
      this.length = new Int32Array(SLOTS);
    }
  }

  /** Copies an element into the next slot; returns the slot. */
  add(region: Region, offset: number, length: number): number {
    const slot = this.take(length);
    copyBytes(this.region, this.offset[slot]!, region, offset, length);
    return slot;
  }

  /** Gives the next slot so many bytes, which the caller writes; returns the slot. */
  take(length: number): number {
    const slot = this.count;
    if (slot === this.offset.length) this.growSlots();
    const place = this.used;
    if (place + length > this.region.length) this.growBytes(place + length);
    this.offset[slot] = place;
    this.length[slot] = length;
    this.used = place + length;
    this.count = slot + 1;
    return slot;
  }

  /** Only stream entries, whose number of fields is not bounded, need more slots. */
  private growSlots(): void {
    const offset = new Int32Array(this.offset.length * 2);
    const length = new Int32Array(this.offset.length * 2);
    offset.set(this.offset);
    length.set(this.length);
    this.offset = offset;
    this.length = length;
  }

  private growBytes(needed: number): void {
    if (needed > PLACE_MAX) throw new RdbError('A collection has an element that is too long');
    // A large element takes what it needs, not the next power of two.
    if (needed > 2 * this.region.length || needed > PLACE_MAX / 2) {
      const larger = newRegion(needed);
      copyBytes(larger, 0, this.region, 0, this.used);
      this.region = larger;
    } else {
      this.region = withRoom(this.region, this.used, needed);
    }
  }
}
