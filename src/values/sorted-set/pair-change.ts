/**
 * One change of a packed sorted set, made where the value lies: a pair (or several that follow each
 * other) goes, a pair comes, or both, as when a member gets another score. All positions are bytes from
 * the start of the value. What lies between the two places moves by the size of one pair, what lies
 * behind both by the difference: at most two moves of memory.
 *
 *   before   head │ between │ old pair │ tail          before   head │ old pair │ between │ tail
 *   after    head │ new pair │ between │ tail          after    head │ between │ new pair │ tail
 */
import { moveBytes, type Region } from '../../base/region.js';

export class PairChange {
  private removedAt = 0;
  removedBytes = 0;
  /** Where the new pair begins: before `move` in the old value, behind it in the new one. */
  insertedAt = 0;
  insertedBytes = 0;
  countDelta = 0;

  get growth(): number {
    return this.insertedBytes - this.removedBytes;
  }

  clear(): void {
    this.removedAt = 0;
    this.removedBytes = 0;
    this.insertedAt = 0;
    this.insertedBytes = 0;
    this.countDelta = 0;
  }

  remove(position: number, bytes: number): void {
    this.removedAt = position;
    this.removedBytes = bytes;
  }

  /** The new pair comes before or behind the one that goes, not into its midst. */
  insert(position: number, bytes: number): void {
    this.insertedAt = position;
    this.insertedBytes = bytes;
    if (this.removedBytes === 0) this.removedAt = position;
  }

  /**
   * Moves what lies behind the change, and what lies between the two places; the new pair's bytes are
   * the caller's to write. What moves up makes room first.
   * @param length bytes of the value before
   */
  move(region: Region, at: number, length: number): void {
    const { removedAt, removedBytes, insertedAt, insertedBytes, growth } = this;
    const removedEnd = removedAt + removedBytes;
    const goesBack = insertedBytes > 0 && insertedAt <= removedAt;
    const goesOn = insertedBytes > 0 && insertedAt >= removedEnd;
    const tail = at + (goesOn ? insertedAt : removedEnd);
    if (growth > 0) moveBytes(region, tail + growth, tail, at + length - tail);
    if (goesBack)
      moveBytes(region, at + insertedAt + insertedBytes, at + insertedAt, removedAt - insertedAt);
    else if (goesOn) {
      moveBytes(region, at + removedAt, at + removedEnd, insertedAt - removedEnd);
      this.insertedAt = insertedAt - removedBytes;
    }
    if (growth < 0) moveBytes(region, tail + growth, tail, at + length - tail);
  }
}
