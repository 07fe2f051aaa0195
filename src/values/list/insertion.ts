/**
 * Elements that come into a list: arguments of a command, in their order or, as LPUSH has them, in
 * the reverse one. Whoever inserts into a packed list asks for the bytes first and makes room.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import { Region } from '../../base/region.js';
import { PackedElement } from '../../structures/packed/element.js';
import {
  formatPacked,
  PACKED_HEADER_BYTES,
  packedCount,
  positionOf,
  Splice,
  splice,
} from '../../structures/packed/packed.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { NewElement } from '../../structures/sequence/element.js';
import type { Sequence } from '../../structures/sequence/sequence.js';
import { PACKED_LIST_BYTES_MAX } from './layout.js';

const NOTHING: ArgumentVector = {
  region: new Region(new SharedArrayBuffer(8), 0),
  count: 0,
  offset: new Int32Array(0),
  length: new Int32Array(0),
};

const cursor = new Cursor();
const change = new Splice();
const packed = new PackedElement(NOTHING.region);
const element = new NewElement(NOTHING.region);

/** Which arguments go where. Owned by its caller, reused. */
export class ListInsertion {
  args: ArgumentVector = NOTHING;
  /** From this argument to before that one. */
  first = 0;
  end = 0;
  /** The last argument comes first. */
  isReversed = false;
  /** The element that they go before; the count of elements for the end. */
  index = 0;

  /** Lets go of the arguments, whose memory may be large. */
  release(): void {
    this.args = NOTHING;
    packed.set(NOTHING.region, 0, 0);
    element.setBytes(NOTHING.region, 0, 0);
  }

  get count(): number {
    return this.end - this.first;
  }

  /** Bytes that they take packed; something beyond the limit of a packed list when they do not fit. */
  packedBytes(): number {
    const { args, end } = this;
    let bytes = 0;
    for (let i = this.first; i < end && bytes <= PACKED_LIST_BYTES_MAX; i++) {
      packed.set(args.region, args.offset[i]!, args.length[i]!);
      bytes += packed.size;
    }
    return bytes;
  }

  /**
   * Writes them into a packed list, which has been made longer by `packedBytes`.
   * @param length bytes of the list before
   */
  writePacked(region: Region, at: number, length: number): void {
    const { args, index } = this;
    const isLast = index === packedCount(region, at);
    let position = isLast ? length : positionOf(region, at, index);
    // One element is as `packedBytes` has left it.
    const bytes = this.count === 1 ? packed.size : this.packedBytes();
    change.insert(position, bytes, this.count);
    splice(region, at, length, change);
    if (this.count === 1) {
      packed.write(region, at + position);
      return;
    }
    for (let i = 0; i < this.count; i++) {
      const argument = this.isReversed ? this.end - 1 - i : this.first + i;
      packed.set(args.region, args.offset[argument]!, args.length[argument]!);
      packed.write(region, at + position);
      position += packed.size;
    }
  }

  /** @returns false when the space is full; the sequence is as before then */
  insertInto(sequence: Sequence): boolean {
    const { args, first, end, index, isReversed } = this;
    sequence.seekIndex(cursor, index);
    for (let i = first; i < end; i++) {
      element.setBytes(args.region, args.offset[i]!, args.length[i]!);
      if (!sequence.insert(cursor, element)) {
        sequence.seekIndex(cursor, index);
        sequence.remove(cursor, i - first);
        return false;
      }
      if (!isReversed && i + 1 < end) sequence.next(cursor);
    }
    return true;
  }
}

/** An empty packed list has this many bytes; `formatEmpty` writes them. */
export const EMPTY_LIST_BYTES = PACKED_HEADER_BYTES;
export { formatPacked as formatEmpty };
