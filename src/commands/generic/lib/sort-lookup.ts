/**
 * What BY and GET look up: a pattern whose `*` is an element names a key, or with `->` a field of it.
 * All shards are locked then.
 */
import type { ArgumentVector } from '../../../base/arguments.js';
import { withRoom } from '../../../base/owned-region.js';
import { copyBytes, Region } from '../../../base/region.js';
import type { FoundBytes } from '../../../values/value-type.js';
import type { Context } from '../../contract/context.js';
import { holdsString } from '../../string/lib/values.js';
import { isElementPattern, starOf } from './sort-options.js';

const NAME_BYTES = 4096;
const MINUS = 45;
const GREATER = 62;
const NO_FIELD = -1;

const nowhere = new Region(new SharedArrayBuffer(8), 0);

/** A pattern of one command. */
export class SortPattern {
  readonly isElement: boolean;
  /** Whether it names keys; without a star it finds nothing. */
  readonly hasStar: boolean;
  /** Bytes before the star, and from behind it to the end of the key's name. */
  private readonly before: number;
  private readonly behind: number;
  /** Where the field begins in the pattern. */
  private readonly fieldAt: number;
  private name = nowhere;
  /** What was found last. */
  readonly found: FoundBytes = { region: nowhere, offset: 0, length: 0 };

  constructor(
    private readonly args: ArgumentVector,
    private readonly index: number,
  ) {
    this.isElement = isElementPattern(args, index);
    const star = starOf(args, index);
    this.hasStar = star >= 0;
    this.before = Math.max(0, star);
    const arrow = arrowBehind(args, index, star + 1);
    this.fieldAt = arrow < 0 ? NO_FIELD : arrow + 2;
    this.behind = (arrow < 0 ? args.length[index]! : arrow) - star - 1;
  }

  /** Finds what the pattern names for an element. @returns false when there is nothing */
  find(context: Context, element: Region, offset: number, length: number): boolean {
    const { found } = this;
    if (this.isElement) {
      found.region = element;
      found.offset = offset;
      found.length = length;
      return true;
    }
    if (!this.hasStar) return false;
    const { keys } = context;
    const nameLength = this.substitute(element, offset, length);
    if (!keys.seekKey(keys.database, this.name, 0, nameLength)) {
      keys.misses++;
      keys.missed();
      return false;
    }
    keys.hits++;
    return this.fieldAt === NO_FIELD ? this.takeString(context) : this.takeField(context);
  }

  /** Writes the key's name. @returns its length */
  private substitute(element: Region, offset: number, length: number): number {
    const { args, index, before, behind } = this;
    const total = before + length + behind;
    if (this.name === nowhere) this.name = new Region(new SharedArrayBuffer(NAME_BYTES), 0);
    this.name = withRoom(this.name, 0, total);
    const pattern = args.offset[index]!;
    copyBytes(this.name, 0, args.region, pattern, before);
    copyBytes(this.name, before, element, offset, length);
    copyBytes(this.name, before + length, args.region, pattern + before + 1, behind);
    return total;
  }

  private takeString({ keys }: Context): boolean {
    if (!holdsString(keys)) return false;
    const { found } = this;
    found.region = keys.region;
    found.offset = keys.valueOffset;
    found.length = keys.valueLength;
    return true;
  }

  private takeField({ keys }: Context): boolean {
    const { args, index, fieldAt } = this;
    const type = keys.types.of(keys.kind);
    if (type.field === undefined) return false;
    const length = args.length[index]! - fieldAt;
    const offset = args.offset[index]! + fieldAt;
    return type.field(keys, args.region, offset, length, keys.now, this.found);
  }
}

/** Where `->` and a field's name follow, -1 when they do not. A NUL byte ends the search. */
function arrowBehind(args: ArgumentVector, index: number, from: number): number {
  const { bytes } = args.region;
  const at = args.offset[index]!;
  const length = args.length[index]!;
  for (let i = from; i + 2 < length; i++) {
    if (bytes[at + i] === 0) return -1;
    if (bytes[at + i] === MINUS && bytes[at + i + 1] === GREATER) {
      return bytes[at + i + 2] === 0 ? -1 : i;
    }
  }
  return -1;
}
