/** Elements that leave a list, or are replaced. Bytes of packed lists are moved, then the entry is cut. */
import { moveBytes, Region } from '../../base/region.js';
import { elementBytes, PackedElement } from '../../structures/packed/element.js';
import {
  collectPositions,
  PACKED_HEADER_BYTES,
  packedCount,
  Splice,
  splice,
} from '../../structures/packed/packed.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { NewElement } from '../../structures/sequence/element.js';
import type { Sequence } from '../../structures/sequence/sequence.js';
import type { StoredValue } from '../value-type.js';
import { LIST_PACKED, PACKED_LIST_COUNT_MAX } from './layout.js';
import type { ListReader } from './reader.js';
import { openSequence } from './views.js';

const nowhere = new Region(new SharedArrayBuffer(8), 0);
const change = new Splice();
const cursor = new Cursor();
const run = new Cursor();
const sought = new NewElement(nowhere);
const packedSought = new PackedElement(nowhere);
const positions = new Int32Array(PACKED_LIST_COUNT_MAX);

/**
 * Removes `count` elements from `index` on.
 * @param list the reader that has the value open; it is to be opened again
 * @returns bytes of the value's beginning that are left: its new length
 */
export function removeElements(
  value: StoredValue,
  list: ListReader,
  index: number,
  count: number,
): number {
  if (value.kind === LIST_PACKED) {
    const start = list.positionOf(index);
    const end = list.positionOf(index + count);
    change.remove(start, end - start, count);
    splice(value.region, value.valueOffset, value.valueLength, change);
    return value.valueLength - (end - start);
  }
  const sequence = list.opened ?? openSequence(value);
  sequence.seekIndex(cursor, index);
  sequence.remove(cursor, count);
  return value.valueLength;
}

/**
 * Removes all elements but `count` from `first` on.
 * @param list the reader that has the value open; it is to be opened again
 * @returns the value's new length
 */
export function trimElements(
  value: StoredValue,
  list: ListReader,
  first: number,
  count: number,
): number {
  const end = first + count;
  if (value.kind === LIST_PACKED) {
    const { region, valueOffset: at } = value;
    const start = list.positionOf(first);
    const bytes = list.positionOf(end) - start;
    moveBytes(region, at + PACKED_HEADER_BYTES, at + start, bytes);
    region.view.setUint16(at, count, true);
    return PACKED_HEADER_BYTES + bytes;
  }
  const sequence = openSequence(value);
  sequence.seekIndex(cursor, end);
  sequence.remove(cursor, list.count - end);
  sequence.seekIndex(cursor, 0);
  sequence.remove(cursor, first);
  return value.valueLength;
}

/** Elements equal to some bytes, to be removed from one end on. Owned by its caller, reused. */
export class Matches {
  source: Region = nowhere;
  offset = 0;
  length = 0;
  /** How many of them; Infinity for all. */
  most = 0;
  fromTail = false;
  /** How many were removed, and the value's new length. */
  removed = 0;
  newLength = 0;

  remove(value: StoredValue): void {
    this.removed = 0;
    this.newLength = value.valueLength;
    if (value.kind === LIST_PACKED) this.removePacked(value);
    else if (this.fromTail) this.removeBackwards(openSequence(value));
    else this.removeForwards(openSequence(value));
  }

  /** Marks what goes (its position becomes negative), then closes the gaps from the first one on. */
  private removePacked({ region, valueOffset: at }: StoredValue): void {
    packedSought.set(this.source, this.offset, this.length);
    const count = collectPositions(region, at, positions);
    const step = this.fromTail ? -1 : 1;
    for (let i = this.fromTail ? count - 1 : 0; i >= 0 && i < count; i += step) {
      if (this.removed >= this.most) break;
      if (!packedSought.equals(region, at + positions[i]!)) continue;
      positions[i] = -positions[i]!;
      this.removed++;
    }
    if (this.removed > 0) this.closeGaps(region, at, count);
  }

  private closeGaps(region: Region, at: number, count: number): void {
    let end = PACKED_HEADER_BYTES;
    for (let i = 0; i < count; i++) {
      const position = positions[i]!;
      if (position < 0) continue;
      const bytes = elementBytes(region, at + position);
      if (position !== end) {
        moveBytes(region, at + end, at + position, bytes);
      }
      end += bytes;
    }
    region.view.setUint16(at, packedCount(region, at) - this.removed, true);
    this.newLength = end;
  }

  private removeForwards(sequence: Sequence): void {
    sought.setBytes(this.source, this.offset, this.length);
    let more = sequence.seekIndex(cursor, 0);
    while (more && this.removed < this.most) {
      if (!sequence.matches(cursor, sought)) {
        more = sequence.next(cursor);
        continue;
      }
      // Neighbours go together.
      run.copyFrom(cursor);
      let count = 0;
      while (more && this.removed < this.most && sequence.matches(cursor, sought)) {
        count++;
        this.removed++;
        more = sequence.next(cursor);
      }
      sequence.remove(run, count);
      cursor.copyFrom(run);
      more = cursor.atElement;
    }
  }

  private removeBackwards(sequence: Sequence): void {
    sought.setBytes(this.source, this.offset, this.length);
    sequence.seekIndex(cursor, sequence.count);
    let more = sequence.previous(cursor);
    while (more && this.removed < this.most) {
      if (!sequence.matches(cursor, sought)) {
        more = sequence.previous(cursor);
        continue;
      }
      let count = 0;
      while (more && this.removed < this.most && sequence.matches(cursor, sought)) {
        run.copyFrom(cursor);
        count++;
        this.removed++;
        more = sequence.previous(cursor);
      }
      sequence.remove(run, count);
      cursor.copyFrom(run);
      more = sequence.previous(cursor);
    }
  }
}
