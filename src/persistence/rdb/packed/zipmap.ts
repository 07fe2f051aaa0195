/**
 * Reading zipmaps, small hashes of Redis before 2.6.
 *
 *     count: u8 | entry ... | 255                      (count 254 and more: not known)
 *     entry: length | field | length | free: u8 | value | `free` unused bytes
 *
 * A length takes one byte, or 254 and four bytes, little-endian. The cursor steps on fields and
 * values in turn.
 */
import { PackedCursor } from './cursor.js';

const END = 255;
const LONG_LENGTH = 254;

export class ZipmapCursor extends PackedCursor {
  readonly name = 'zipmap';

  protected readHeader(offset: number, length: number): void {
    if (length < 2) this.damaged('too short');
    if (this.source.bytes[this.end - 1] !== END) this.damaged('no end mark');
    const pairs = this.source.bytes[offset]!;
    this.count = pairs < LONG_LENGTH ? pairs * 2 : -1;
    this.at = offset + 1;
  }

  next(): boolean {
    const bytes = this.source.bytes;
    const isValue = (this.index & 1) === 1;
    let at = this.at;
    if (at === this.end - 1) return this.finish(isValue);
    this.need(at + 1);
    let length = bytes[at++]!;
    if (length === END) this.damaged('an end mark before its end');
    if (length === LONG_LENGTH) {
      this.need(at + 4);
      length = this.source.view.getUint32(at, true);
      at += 4;
    }
    let free = 0;
    if (isValue) {
      this.need(at + 1);
      free = bytes[at++]!;
    }
    this.need(at + length + free);
    this.setString(at, length);
    this.at = at + length + free;
    this.index++;
    return true;
  }

  private need(end: number): void {
    if (end > this.end - 1) this.damaged(`element ${this.index} passes its end`);
  }

  private finish(isValue: boolean): boolean {
    if (isValue) this.damaged('a field without value');
    if (this.count >= 0 && this.count !== this.index) {
      this.damaged(`${this.index / 2} fields, its header says ${this.count / 2}`);
    }
    return false;
  }
}
