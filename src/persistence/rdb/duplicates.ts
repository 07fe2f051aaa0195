/**
 * Finds an element that a packed collection holds twice. It keeps a keyed hash of 64 bits for each
 * element; when two are equal, the collection is walked again and the bytes are compared, so that
 * the answer is exact.
 */
import { randomFillSync } from 'node:crypto';
import { equalBytes, type Region } from '../../base/region.js';
import { HashState, hashBytes } from '../../structures/hash.js';
import type { PackedCursor } from './packed/cursor.js';

const key = randomFillSync(new Int32Array(2));
const SLOTS_INITIAL = 64;
/** Claimed elements get no more slots than this before they have come. */
const SLOTS_EXPECTED_MAX = 8192;
/** Words of a slot: two of the hash, the element's index plus 1 (0: the slot is free). */
const SLOT_WORDS = 3;

export class DuplicateCheck {
  private slots = new Int32Array(SLOTS_INITIAL * SLOT_WORDS);
  private mask = SLOTS_INITIAL - 1;
  private count = 0;
  private readonly hash = new HashState();

  /** @param expected how many elements are claimed: a hint */
  begin(expected: number): void {
    let slots = SLOTS_INITIAL;
    while (slots < expected * 2 && slots < SLOTS_EXPECTED_MAX) slots *= 2;
    const words = slots * SLOT_WORDS;
    const isTooLarge = this.slots.length > SLOTS_EXPECTED_MAX * SLOT_WORDS;
    if (words > this.slots.length || isTooLarge) this.slots = new Int32Array(words);
    else this.slots.fill(0, 0, words);
    this.mask = slots - 1;
    this.count = 0;
  }

  /**
   * Notes element `index`.
   *
   * @returns the index of an element with the same hash, -1 when there is none
   */
  add(region: Region, offset: number, length: number, index: number): number {
    if (this.count * 2 > this.mask) this.grow();
    const { hash } = this;
    hashBytes(hash, region, offset, length, key[0]!, key[1]!);
    const found = this.insert(hash.h1, hash.h2, index);
    if (found < 0) this.count++;
    return found;
  }

  private insert(h1: number, h2: number, index: number): number {
    const { slots, mask } = this;
    for (let slot = h1 & mask; ; slot = (slot + 1) & mask) {
      const at = slot * SLOT_WORDS;
      if (slots[at + 2] === 0) {
        slots[at] = h1;
        slots[at + 1] = h2;
        slots[at + 2] = index + 1;
        return -1;
      }
      if (slots[at] === h1 && slots[at + 1] === h2) return slots[at + 2]! - 1;
    }
  }

  private grow(): void {
    const old = this.slots;
    const end = (this.mask + 1) * SLOT_WORDS;
    this.slots = new Int32Array(end * 2);
    this.mask = this.mask * 2 + 1;
    for (let at = 0; at < end; at += SLOT_WORDS) {
      if (old[at + 2] !== 0) this.insert(old[at]!, old[at + 1]!, old[at + 2]! - 1);
    }
  }
}

/** Whether element `index` of the collection that `walk` stands before has these bytes. */
export function elementIs(walk: PackedCursor, index: number, element: PackedCursor): boolean {
  for (let i = 0; i <= index; i++) walk.next();
  walk.text();
  return (
    walk.length === element.length &&
    equalBytes(walk.region, walk.offset, element.region, element.offset, walk.length)
  );
}
