/**
 * A place in a sequence, as a value: it belongs to whoever iterates, so that several sequences can be
 * open at once. It holds no root, as roots move with their frames; it is passed to a Sequence that is
 * attached to the right one. A change of the sequence makes every cursor stale but the one that the
 * change was made through.
 */
export class Cursor {
  /** Byte offset of the leaf; 0 when the cursor is behind the last element. */
  leaf = 0;
  /** Element of the leaf. */
  slot = 0;
  /** Elements before it. */
  rank = 0;
  /** Generation of the sequence in which leaf and slot are right. */
  generation = 0;

  /** Whether it is at an element, not behind the last one. */
  get atElement(): boolean {
    return this.leaf !== 0;
  }

  copyFrom(other: Cursor): void {
    this.leaf = other.leaf;
    this.slot = other.slot;
    this.rank = other.rank;
    this.generation = other.generation;
  }
}
