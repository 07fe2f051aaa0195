/**
 * Changing a hash. The change is prepared, then the entry gets its new kind and length, then the value
 * is written:
 *
 *   open or create ── set... ──▶ newKind, newLength ── (Mutation.beginEdit) ── finish
 *
 *   IN_PLACE   one value of a packed hash gets another of the same size
 *   APPEND     one pair more at the end of a packed hash
 *   REWRITE    a packed hash, made anew in scratch memory
 *   NESTED     done already, in the pages of the table; the root stays where it is
 *   CONVERT    a table made beside the value, with its root in memory of this object
 *
 * `set...` answers false when the shard has no room, and then nothing has changed. After it `finish`
 * follows, or `abandon` when the entry could not be had.
 *
 * Several pairs of a nested hash are stored all or none. First each of them gets its room: a field
 * that is not there an entry, a value that grows its new length. That may fail, and is undone by
 * removing and shortening only. Writing the values into their room cannot fail.
 */

import type { ArgumentVector } from '../../base/arguments.js';
import { hasExpired } from '../../base/expiry-time.js';
import { newRegion } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import { PerSpace } from '../../memory/per-space.js';
import type { Space } from '../../memory/space.js';
import { TableReclaim } from '../../structures/nested-table.js';
import { PackedElement } from '../../structures/packed/element.js';
import { INTEGER_TEXT_MAX } from '../../structures/packed/integer.js';
import {
  formatPacked,
  PACKED_HEADER_BYTES,
  packedCount,
  Splice,
  splice,
} from '../../structures/packed/packed.js';
import type { Table } from '../../structures/table.js';
import type { StoredValue } from '../value-type.js';
import {
  HASH_ROOT_BYTES,
  type HashLimits,
  KIND_NAMED_TABLE,
  KIND_NESTED,
  PACKED_BYTES_MAX,
  PACKED_FIELDS_MAX,
  ROOT_EARLIEST_BYTE,
  TYPE_HASH,
} from './layout.js';
import { HashReader, nestedTables, STRIDE } from './reader.js';

const IN_PLACE = 0;
const APPEND = 1;
const REWRITE = 2;
const NESTED = 3;
const CONVERT = 4;

/** Fields have no kinds. */
const FIELD_KIND = 0;
const NO_LENGTH = -1;
/** What becomes of the expiry of a field that is set: removed, kept, or else the new one. */
export const EXPIRY_NONE = 0;
export const EXPIRY_KEPT = -1;
const KEPT_PAIRS = 4096;
const NO_PAIRS = -1;
const NOTHING = newRegion(8);

export const tableReclaims = new PerSpace((space) => new TableReclaim(space));

/** A field and its value on their way into a hash: bytes that lie anywhere but in the hash. */
export class HashPair {
  fieldRegion = NOTHING;
  fieldOffset = 0;
  fieldLength = 0;
  valueRegion = NOTHING;
  valueOffset = 0;
  valueLength = 0;

  /** Takes two neighbouring arguments. */
  take(args: ArgumentVector, index: number): void {
    this.takeField(args, index);
    this.takeValue(args.region, args.offset[index + 1]!, args.length[index + 1]!);
  }

  takeField(args: ArgumentVector, index: number): void {
    this.fieldRegion = args.region;
    this.fieldOffset = args.offset[index]!;
    this.fieldLength = args.length[index]!;
  }

  takeValue(region: Region, offset: number, length: number): void {
    this.valueRegion = region;
    this.valueOffset = offset;
    this.valueLength = length;
  }
}

export class HashWriter extends HashReader {
  /** What the value becomes. */
  newKind = 0;
  newLength = 0;
  /** How many fields are new. */
  created = 0;
  readonly pair = new HashPair();
  protected limits!: HashLimits;
  private form = NESTED;
  private isNew = false;
  /** The expiry of fields that are set: a time, EXPIRY_NONE or EXPIRY_KEPT. */
  private expiryOfSet = EXPIRY_NONE;
  private readonly valueElement = new PackedElement(NOTHING);
  protected readonly splice = new Splice();
  private readonly scratch = newRegion(PACKED_BYTES_MAX);
  private readonly root = newRegion(HASH_ROOT_BYTES);
  private readonly rootPlace = { region: this.root, at: 0 };
  private readonly text = newRegion(INTEGER_TEXT_MAX);
  /** By pair, while several get their room: the value's length before, NO_LENGTH for a new field. */
  private lengths = new Int32Array(KEPT_PAIRS);
  /** By pair: whether its field had no expiry and got one. */
  private timed = new Uint8Array(KEPT_PAIRS);

  /** Begins with a hash that does not exist. */
  create(space: Space, now: number): void {
    this.space = space;
    this.kind = TYPE_HASH;
    this.nested = false;
    this.region = NOTHING;
    formatPacked(NOTHING, 0);
    this.at = 0;
    this.length = PACKED_HEADER_BYTES;
    this.now = now;
    this.foundExpired = false;
    this.isNew = true;
  }

  override open(value: StoredValue, now: number): void {
    super.open(value, now);
    this.isNew = false;
  }

  /** Whether there is no value yet. */
  get fresh(): boolean {
    return this.isNew;
  }

  /** Prepares to set the field in `pair`. @returns false: no room */
  setPair(limits: HashLimits, expiry: number): boolean {
    this.start(limits, expiry);
    this.judgePair();
    if (this.nested) return this.setNested();
    if (expiry > 0) return this.convert(null, 0, 0);
    const { fieldRegion, fieldOffset, fieldLength } = this.pair;
    const found = this.find(fieldRegion, fieldOffset, fieldLength);
    const { element, valueElement } = this;
    this.takeValueElement();
    // Redis looks at the count at every change, also where none is added.
    this.judgeCount(found ? this.size : this.size + 1);
    if (!found) {
      this.created = 1;
      this.newLength = this.length + element.size + valueElement.size;
      this.form = APPEND;
      return this.fits(this.size + 1) || this.convert(null, 0, 0);
    }
    if (this.packedValueBytes() === valueElement.size) {
      this.newLength = this.length;
      this.form = IN_PLACE;
      return true;
    }
    this.loadScratch();
    if (!this.spliceIntoScratch()) return this.convert(null, 0, 0);
    this.form = REWRITE;
    return true;
  }

  /**
   * Prepares to set fields, from argument `first` to the last one.
   * @param expiry a time, EXPIRY_NONE or EXPIRY_KEPT
   * @returns false: no room
   */
  setPairs(args: ArgumentVector, first: number, expiry: number, limits: HashLimits): boolean {
    const { pair } = this;
    const pairs = (args.count - first) / STRIDE;
    if (pairs === 1) {
      pair.take(args, first);
      return this.setPair(limits, expiry);
    }
    this.start(limits, expiry);
    if (this.nested) return this.setSeveralNested(args, first, pairs);
    if (expiry > 0) return this.convert(args, first, pairs);
    this.loadScratch();
    for (let i = 0; i < pairs; i++) {
      pair.take(args, first + i * STRIDE);
      if (!this.putIntoScratch()) return this.convert(args, first, pairs);
      this.judgePair();
      this.judgeCount(packedCount(this.scratch, 0) / STRIDE);
    }
    this.form = REWRITE;
    return true;
  }

  /**
   * Prepares to make the hash nested, as it is. From now on it is: a packed one is represented by its
   * table, until `finish` or `abandon`.
   * @returns false: no room
   */
  makeNested(limits: HashLimits): boolean {
    this.start(limits, EXPIRY_KEPT);
    if (this.nested) {
      this.form = NESTED;
      this.newLength = HASH_ROOT_BYTES;
      return true;
    }
    if (!this.convert(null, 0, NO_PAIRS)) return false;
    this.nested = true;
    this.region = this.root;
    this.at = 0;
    return true;
  }

  private start(limits: HashLimits, expiry: number): void {
    this.limits = limits;
    this.expiryOfSet = expiry;
    this.newKind = this.kind;
    this.created = 0;
  }

  /** Writes what was prepared, into the entry that has `newKind` and `newLength` now. */
  finish(region: Region, at: number): void {
    this.region = region;
    this.at = at;
    switch (this.form) {
      case IN_PLACE:
        this.valueElement.write(region, at + this.position + this.element.size);
        break;
      case APPEND:
        this.append(region, at, this.length);
        break;
      case REWRITE:
        copyBytes(region, at, this.scratch, 0, this.newLength);
        break;
      case CONVERT:
        copyBytes(region, at, this.root, 0, HASH_ROOT_BYTES);
        this.nested = true;
    }
    this.kind = this.newKind;
    this.length = this.newLength;
    if (this.nested) this.table.attach(at, region);
  }

  /** Instead of `finish`: gives back what was taken. */
  abandon(): void {
    if (this.form === CONVERT) this.freeRoot();
  }

  // What Redis would call it.

  /** Notes that a pair may be too long for a listpack. */
  private judgePair(): void {
    const { fieldLength, valueLength } = this.pair;
    const most = this.limits.hashListpackValueBytesMax;
    if (fieldLength > most || valueLength > most) this.newKind |= KIND_NAMED_TABLE;
  }

  private judgeCount(fields: number): void {
    if (fields > this.limits.hashListpackEntriesMax) this.newKind |= KIND_NAMED_TABLE;
  }

  // Packed.

  private fits(fields: number): boolean {
    return this.newLength <= PACKED_BYTES_MAX && fields <= PACKED_FIELDS_MAX;
  }

  private takeValueElement(): void {
    const { valueRegion, valueOffset, valueLength } = this.pair;
    this.valueElement.set(valueRegion, valueOffset, valueLength);
  }

  /** Bytes of the value found. */
  private packedValueBytes(): number {
    return this.value.read(this.region, this.at + this.position + this.element.size);
  }

  private append(region: Region, at: number, position: number): void {
    if (this.isNew) formatPacked(region, at);
    const { element, valueElement } = this;
    const valueAt = at + position + element.size;
    element.write(region, at + position);
    valueElement.write(region, valueAt);
    this.splice.insert(position, element.size + valueElement.size, STRIDE);
    splice(region, at, position, this.splice);
  }

  /** Copies the value to scratch memory, to be changed there. */
  private loadScratch(): void {
    copyBytes(this.scratch, 0, this.region, this.at, this.length);
    this.newLength = this.length;
  }

  /** Replaces the value of the pair found, whose place is the same in scratch memory. */
  private spliceIntoScratch(): boolean {
    const { scratch, splice: change, element, valueElement } = this;
    const position = this.position + element.size;
    const before = this.value.read(scratch, position);
    change.replace(position, before, valueElement.size);
    if (this.newLength + change.growth > PACKED_BYTES_MAX) return false;
    splice(scratch, 0, this.newLength, change);
    valueElement.write(scratch, position);
    this.newLength += change.growth;
    return true;
  }

  /** Sets the pair in scratch memory. @returns false when it gets too large */
  private putIntoScratch(): boolean {
    const { pair, scratch, element, valueElement } = this;
    element.set(pair.fieldRegion, pair.fieldOffset, pair.fieldLength);
    this.takeValueElement();
    if (this.findPacked(scratch, 0, this.newLength)) return this.spliceIntoScratch();
    const position = this.newLength;
    this.newLength += element.size + valueElement.size;
    if (!this.fits(packedCount(scratch, 0) / STRIDE + 1)) return false;
    element.write(scratch, position);
    valueElement.write(scratch, position + element.size);
    this.splice.insert(position, 0, STRIDE);
    splice(scratch, 0, position, this.splice);
    this.created++;
    return true;
  }

  // Nested.

  private setNested(): boolean {
    this.form = NESTED;
    this.newLength = HASH_ROOT_BYTES;
    if (!this.putEntry()) return false;
    this.judgeCount(this.table.size);
    return true;
  }

  /** Stores `pair` in the table attached. @returns false: no room, nothing has changed */
  private putEntry(): boolean {
    const { table, pair } = this;
    const { fieldRegion, fieldOffset, fieldLength, valueLength } = pair;
    const found =
      this.locate(fieldRegion, fieldOffset, fieldLength) && !hasExpired(table.expiry, this.now);
    const at = table.put(FIELD_KIND, valueLength, this.expiryFor(found));
    if (at < 0) return false;
    if (this.expiryOfSet > 0) this.noteExpiry(this.expiryOfSet);
    copyBytes(table.region, at, pair.valueRegion, pair.valueOffset, valueLength);
    if (!found) this.created++;
    return true;
  }

  /** @param found whether the table describes the field, which has not expired */
  private expiryFor(found: boolean): number {
    const { expiryOfSet } = this;
    if (expiryOfSet !== EXPIRY_KEPT) return expiryOfSet;
    return found ? this.table.expiry : 0;
  }

  /** Lowers the time before which no field expires. */
  protected noteExpiry(expiry: number): void {
    const { region, at } = this.form === CONVERT ? this.rootPlace : this;
    const earliest = region.view.getFloat64(at + ROOT_EARLIEST_BYTE, true);
    if (earliest !== 0 && earliest <= expiry) return;
    region.view.setFloat64(at + ROOT_EARLIEST_BYTE, expiry, true);
  }

  private setSeveralNested(args: ArgumentVector, first: number, pairs: number): boolean {
    const { pair } = this;
    this.form = NESTED;
    this.newLength = HASH_ROOT_BYTES;
    if (this.lengths.length < pairs) {
      this.lengths = new Int32Array(pairs);
      this.timed = new Uint8Array(pairs);
    }
    let done = 0;
    while (done < pairs && this.reserve(args, first + done * STRIDE, done)) done++;
    if (done === pairs) {
      for (let i = 0; i < pairs; i++) {
        pair.take(args, first + i * STRIDE);
        this.judgePair();
        if (!this.putEntry()) throw new Error('a value did not fit into its room');
      }
      this.judgeCount(this.table.size);
    } else {
      this.undo(args, first, done);
    }
    if (this.lengths.length > KEPT_PAIRS) {
      this.lengths = new Int32Array(KEPT_PAIRS);
      this.timed = new Uint8Array(KEPT_PAIRS);
    }
    return done === pairs;
  }

  /** Makes room for a pair. @returns false: there is none */
  private reserve(args: ArgumentVector, index: number, pairIndex: number): boolean {
    const { table, lengths } = this;
    const length = args.length[index + 1]!;
    if (!this.locate(args.region, args.offset[index]!, args.length[index]!)) {
      lengths[pairIndex] = NO_LENGTH;
      if (table.put(FIELD_KIND, length, this.expiryFor(false)) < 0) return false;
      this.created++;
      return true;
    }
    const before = table.valueLength;
    const isTimed = this.expiryOfSet > 0 && table.expiry === 0;
    lengths[pairIndex] = before;
    this.timed[pairIndex] = isTimed ? 1 : 0;
    if (isTimed && !table.setExpiry(this.expiryOfSet)) return false;
    if (before >= length || table.resize(length) >= 0) return true;
    if (isTimed) table.setExpiry(0);
    return false;
  }

  /** Takes the room back, the last one first: a field may have come twice. */
  private undo(args: ArgumentVector, first: number, pairs: number): void {
    const { table, lengths } = this;
    for (let i = pairs - 1; i >= 0; i--) {
      const index = first + i * STRIDE;
      if (!this.locate(args.region, args.offset[index]!, args.length[index]!)) continue;
      if (lengths[i] === NO_LENGTH) {
        table.remove();
        continue;
      }
      if (lengths[i]! < table.valueLength) table.resize(lengths[i]!);
      if (this.timed[i] === 1) table.setExpiry(0);
    }
  }

  // From packed to nested.

  /**
   * Makes a table of all pairs, and of the arguments, or else of `pair` (NO_PAIRS: none).
   * @returns false: no room
   */
  private convert(args: ArgumentVector | null, first: number, pairs: number): boolean {
    this.form = CONVERT;
    this.newKind |= KIND_NESTED;
    this.newLength = HASH_ROOT_BYTES;
    this.created = 0;
    this.root.bytes.fill(0);
    const table = nestedTables.of(this.space);
    table.attach(0, this.root);
    this.table = table;
    if (this.copyPairs(table) && this.addPairs(args, first, pairs)) {
      this.judgeCount(table.size);
      return true;
    }
    this.freeRoot();
    return false;
  }

  private addPairs(args: ArgumentVector | null, first: number, pairs: number): boolean {
    if (args === null) return pairs === NO_PAIRS || this.addPair();
    for (let i = 0; i < pairs; i++) {
      this.pair.take(args, first + i * STRIDE);
      if (!this.addPair()) return false;
    }
    return true;
  }

  private addPair(): boolean {
    this.judgePair();
    return this.putEntry();
  }

  private copyPairs(table: Table): boolean {
    const { field, value, text } = this;
    this.rewind();
    while (this.next()) {
      const source = field.isInteger ? text : this.region;
      const offset = field.isInteger ? 0 : field.offset;
      if (field.isInteger) field.copyTo(this.region, text, 0);
      this.locate(source, offset, field.length);
      const at = table.put(FIELD_KIND, value.length, 0);
      if (at < 0) return false;
      value.copyTo(this.region, table.region, at);
    }
    return true;
  }

  private freeRoot(): void {
    tableReclaims.of(this.space).freeWhole(0, this.root);
  }
}
