/**
 * Reading intsets: sets of integers, ascending.
 *
 *     bytes of an integer: u32 (2, 4, 8) | count: u32 | integer ...           (little-endian)
 */
import { PackedCursor } from './cursor.js';

export const INTSET_HEADER_BYTES = 8;

export class IntsetCursor extends PackedCursor {
  readonly name = 'intset';
  private width = 0;

  protected readHeader(offset: number, length: number): void {
    if (length < INTSET_HEADER_BYTES) this.damaged('too short');
    const view = this.source.view;
    this.width = view.getUint32(offset, true);
    if (this.width !== 2 && this.width !== 4 && this.width !== 8) {
      this.damaged(`integers of ${this.width} bytes`);
    }
    this.count = view.getUint32(offset + 4, true);
    if (this.count === 0) this.damaged('empty');
    if (this.count * this.width + INTSET_HEADER_BYTES !== length) {
      this.damaged('its length is not what it says');
    }
    this.at = offset + INTSET_HEADER_BYTES;
  }

  next(): boolean {
    const { at, high, low } = this;
    if (at === this.end) return false;
    const view = this.source.view;
    if (this.width === 2) this.setInteger(view.getInt16(at, true));
    else if (this.width === 4) this.setInteger(view.getInt32(at, true));
    else this.setInteger64(at);
    const ascends = this.high > high || (this.high === high && this.low >>> 0 > low >>> 0);
    if (this.index > 0 && !ascends) this.damaged(`element ${this.index} does not ascend`);
    this.at = at + this.width;
    this.index++;
    return true;
  }
}
