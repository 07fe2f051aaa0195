/**
 * A member on its way into a set, out of it, or sought in one. It refers to bytes and remembers what
 * it has derived from them, so that a member that is sought in many sets is parsed and hashed once.
 *
 * Its bytes must stay where they are while it is in use.
 */
import { copyBytes, Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { HashState, hashBytes } from '../../structures/hash.js';
import { PackedElement } from '../../structures/packed/element.js';
import { INTEGER_TEXT_MAX, Int64 } from '../../structures/packed/integer.js';

/** What is known already. */
const PARSED = 1;
const IS_INTEGER = 2;
const PACKED = 4;
const HASHED = 8;

const NO_BYTES = new Region(new SharedArrayBuffer(8), 0);

/** Owned by its caller, reused. */
export class SetMember {
  region = NO_BYTES;
  offset = 0;
  length = 0;
  /** Its value, when `isInteger`. */
  readonly integer = new Int64();
  private known = 0;
  private readonly element = new PackedElement(NO_BYTES);
  private readonly hashed = new HashState();
  /** The text of a member that a set holds as an integer. */
  private readonly text = new Region(new SharedArrayBuffer((INTEGER_TEXT_MAX + 7) & ~7), 0);

  set(region: Region, offset: number, length: number): void {
    this.region = region;
    this.offset = offset;
    this.length = length;
    this.known = 0;
  }

  /** Takes the value that `integer` was set to. */
  setInteger(): void {
    const { integer, text } = this;
    this.length = integer.textLength;
    integer.writeText(text, 0, this.length);
    this.region = text;
    this.offset = 0;
    this.known = PARSED | IS_INTEGER;
  }

  /** Whether it is the text that an integer of 64 bits has. */
  get isInteger(): boolean {
    if ((this.known & PARSED) === 0) {
      const { region, offset, length } = this;
      const isInteger = length <= INTEGER_TEXT_MAX && this.integer.parse(region, offset, length);
      this.known |= isInteger ? PARSED | IS_INTEGER : PARSED;
    }
    return (this.known & IS_INTEGER) !== 0;
  }

  /** The form that it has in a packed value. */
  get packed(): PackedElement {
    if ((this.known & PACKED) === 0) {
      this.element.set(this.region, this.offset, this.length);
      this.known |= PACKED;
    }
    return this.element;
  }

  /** Its hash: the same in all spaces, as the hash key is the data set's. */
  hash(space: Space): HashState {
    if ((this.known & HASHED) === 0) {
      const { hashed, region, offset, length } = this;
      hashBytes(hashed, region, offset, length, space.hashKey0, space.hashKey1);
      this.known |= HASHED;
    }
    return this.hashed;
  }

  copyTo(target: Region, at: number): void {
    copyBytes(target, at, this.region, this.offset, this.length);
  }
}
