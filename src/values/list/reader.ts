/**
 * Reading a list, whichever form it has: from element to element in both directions, and looking for
 * equal ones. A reader belongs to whoever reads; it is opened anew after each change of a key.
 *
 *     reader.open(value)
 *     for (let more = reader.seek(0); more; more = reader.next()) { reader.read(); ... }
 *
 * Packed elements have no way back (structures/packed): their positions are collected the first time
 * that a reader goes backwards.
 */
import { copyBytes, Region } from '../../base/region.js';
import { PackedElement, PackedView } from '../../structures/packed/element.js';
import type { Int64 } from '../../structures/packed/integer.js';
import {
  collectPositions,
  PACKED_HEADER_BYTES,
  packedCount,
  skipElements,
} from '../../structures/packed/packed.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { ElementView, NewElement } from '../../structures/sequence/element.js';
import type { Sequence } from '../../structures/sequence/sequence.js';
import type { StoredValue } from '../value-type.js';
import { LIST_PACKED, PACKED_LIST_COUNT_MAX } from './layout.js';
import { openSequence } from './views.js';

const nowhere = new Region(new SharedArrayBuffer(8), 0);

export class ListReader {
  /** Elements of the list. */
  count = 0;
  /** Where it is: 0 is the first element. */
  index = 0;
  /** The element last read: an integer, or `length` bytes at `offset`. */
  isInteger = false;
  integer: Int64;
  region: Region = nowhere;
  offset = 0;
  /** Bytes of the element; of an integer, of its text. */
  length = 0;

  // A packed list: where it lies, and bytes from there to the element.
  private sequence: Sequence | null = null;
  private at = 0;
  private end = 0;
  private position = 0;
  private readonly positions = new Int32Array(PACKED_LIST_COUNT_MAX);
  private hasPositions = false;
  private readonly packedView = new PackedView();
  private readonly packedSought = new PackedElement(nowhere);
  // A sequence.
  private readonly cursor = new Cursor();
  private readonly view = new ElementView();
  private readonly sought = new NewElement(nowhere);

  constructor() {
    this.integer = this.view.integer;
  }

  open(value: StoredValue): void {
    this.region = value.region;
    this.index = -1;
    if (value.kind === LIST_PACKED) {
      this.sequence = null;
      this.at = value.valueOffset;
      this.end = value.valueLength;
      this.count = packedCount(value.region, value.valueOffset);
      this.hasPositions = false;
      this.integer = this.packedView.integer;
      return;
    }
    this.sequence = openSequence(value);
    this.region = value.space.region;
    this.count = this.sequence.count;
    this.integer = this.view.integer;
  }

  /** The sequence that is open; null for a packed list. */
  get opened(): Sequence | null {
    return this.sequence;
  }

  /** Goes to an element. @returns false when there is none of this index */
  seek(index: number): boolean {
    if (index < 0 || index >= this.count) return false;
    const { sequence } = this;
    if (sequence === null) this.position = this.positionOf(index);
    else sequence.seekIndex(this.cursor, index);
    this.index = index;
    return true;
  }

  /** @returns false at the last element; it stays there */
  next(): boolean {
    if (this.index + 1 >= this.count) return false;
    const { sequence } = this;
    if (sequence === null) {
      this.position = skipElements(this.region, this.at, this.position, 1);
    } else sequence.next(this.cursor);
    this.index++;
    return true;
  }

  /** @returns false at the first element; it stays there */
  previous(): boolean {
    if (this.index <= 0) return false;
    const { sequence } = this;
    this.index--;
    if (sequence !== null) {
      sequence.previous(this.cursor);
      return true;
    }
    if (!this.hasPositions) {
      collectPositions(this.region, this.at, this.positions);
      this.hasPositions = true;
    }
    this.position = this.positions[this.index]!;
    return true;
  }

  /** Of a packed list: bytes from its start to element `index`, or to its end for the count. */
  positionOf(index: number): number {
    if (index === this.index) return this.position;
    if (index === this.count) return this.end;
    if (this.hasPositions) return this.positions[index]!;
    return skipElements(this.region, this.at, PACKED_HEADER_BYTES, index);
  }

  /** Describes the element that it is at. */
  read(): void {
    const { sequence } = this;
    if (sequence === null) {
      const { packedView } = this;
      packedView.read(this.region, this.at + this.position);
      this.isInteger = packedView.isInteger;
      this.offset = packedView.offset;
      this.length = packedView.length;
      return;
    }
    const { view } = this;
    sequence.read(this.cursor, view);
    this.isInteger = view.isInteger;
    this.offset = view.offset;
    this.length = view.length;
  }

  /** Copies the element last read, `length` bytes. */
  copyTo(target: Region, at: number): void {
    if (this.isInteger) this.integer.writeText(target, at, this.length);
    else copyBytes(target, at, this.region, this.offset, this.length);
  }

  /** Says what `matches` looks for in the list that is open. */
  lookFor(source: Region, offset: number, length: number): void {
    if (this.sequence === null) this.packedSought.set(source, offset, length);
    else this.sought.setBytes(source, offset, length);
  }

  /** Whether the element that it is at has the bytes looked for. */
  matches(): boolean {
    const { sequence } = this;
    if (sequence !== null) return sequence.matches(this.cursor, this.sought);
    return this.packedSought.equals(this.region, this.at + this.position);
  }
}
