/** One element in the place of another. Of a packed list the entry is resized in between. */
import { Region } from '../../base/region.js';
import { elementBytes, PackedElement } from '../../structures/packed/element.js';
import { Splice, splice } from '../../structures/packed/packed.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { NewElement } from '../../structures/sequence/element.js';
import type { Sequence } from '../../structures/sequence/sequence.js';
import type { StoredValue } from '../value-type.js';

const nowhere = new Region(new SharedArrayBuffer(8), 0);
const cursor = new Cursor();
const packed = new PackedElement(nowhere);
const element = new NewElement(nowhere);
const change = new Splice();

/** Owned by its caller, reused. */
export class ListReplacement {
  /** The element to replace. */
  index = 0;
  source: Region = nowhere;
  offset = 0;
  length = 0;
  private position = 0;

  /** @returns bytes that a packed list becomes longer by. @param position of the element in it */
  measure({ region, valueOffset }: StoredValue, position: number): number {
    this.position = position;
    packed.set(this.source, this.offset, this.length);
    const before = elementBytes(region, valueOffset + position);
    change.replace(position, before, packed.size);
    return change.growth;
  }

  /** Moves what lies behind, in a list that is long enough. @param length bytes of it before */
  move(region: Region, at: number, length: number): void {
    splice(region, at, length, change);
  }

  write(region: Region, at: number): void {
    packed.write(region, at + this.position);
  }

  /** @returns false when the space is full; the sequence is as before then */
  replaceIn(sequence: Sequence): boolean {
    element.setBytes(this.source, this.offset, this.length);
    sequence.seekIndex(cursor, this.index);
    return sequence.replace(cursor, element);
  }
}
