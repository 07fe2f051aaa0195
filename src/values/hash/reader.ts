/**
 * Reading a hash: finding a field, and going through all of them. One object for each thread, which is
 * opened on the value that a command found; opening it allocates nothing.
 *
 * What was found is described by `field` and `value`. A packed integer has no text to point at, so that
 * both are views which copy their text to wherever it is wanted. They stay valid until the shard's
 * table changes.
 *
 * Fields that have expired are there until somebody removes them; here they are hidden.
 */
import { hasExpired } from '../../base/expiry-time.js';
import { Region } from '../../base/region.js';
import { PerSpace } from '../../memory/per-space.js';
import type { Space } from '../../memory/space.js';
import { HashState, hashBytes } from '../../structures/hash.js';
import { PackedElement, PackedView } from '../../structures/packed/element.js';
import {
  collectPositions,
  findElement,
  PACKED_HEADER_BYTES,
  packedCount,
} from '../../structures/packed/packed.js';
import { SCAN_END, Table } from '../../structures/table.js';
import type { StoredValue } from '../value-type.js';
import { isNestedKind, PACKED_FIELDS_MAX, ROOT_EARLIEST_BYTE } from './layout.js';

const NOTHING = new Region(new SharedArrayBuffer(8), 0);
/** Fields and values are pairs of elements. */
export const STRIDE = 2;

/** This thread's view of the nested tables of each space, to be attached. */
export const nestedTables = new PerSpace((space) => new Table(space, 0));

export class HashReader {
  /** The pair last found or visited. */
  readonly field = new PackedView();
  readonly value = new PackedView();
  /** When the field found expires, 0 for never. */
  expiry = Number.NaN;
  /** Whether the field sought last is there and has expired. */
  foundExpired = false;

  kind = 0;
  nested = false;
  /** Where the value lies: a packed hash, or a root. */
  region: Region = NOTHING;
  at = 0;
  length = 0;
  protected space!: Space;
  /** Of a nested hash. */
  protected table!: Table;
  protected now = 0;
  /** Of a packed hash: where the pair found begins, from the start of the value. */
  protected position = -1;
  protected readonly element = new PackedElement(NOTHING);
  protected readonly hash = new HashState();
  private readonly positions = new Int32Array(PACKED_FIELDS_MAX * STRIDE);
  private scanPosition = 0;
  private scanIndex = 0;

  /** @param now what expiry compares with, in milliseconds */
  open(value: StoredValue, now: number): void {
    const { space, kind, region, valueOffset } = value;
    this.space = space;
    this.kind = kind;
    this.region = region;
    this.at = valueOffset;
    this.length = value.valueLength;
    this.now = now;
    this.nested = isNestedKind(kind);
    if (!this.nested) return;
    this.table = nestedTables.of(space);
    this.table.attach(valueOffset, region);
  }

  /** Where the bytes of `field` and `value` lie: a root may be somewhere else. */
  get elementRegion(): Region {
    return this.nested ? this.table.region : this.region;
  }

  /** How many fields there are, those included that have expired and are not removed yet. */
  get size(): number {
    return this.nested ? this.table.size : packedCount(this.region, this.at) / STRIDE;
  }

  /** No field expires before this; 0 when none ever got an expiry. */
  get earliest(): number {
    return this.nested ? this.region.view.getFloat64(this.at + ROOT_EARLIEST_BYTE, true) : 0;
  }

  /** How many fields expire, or have expired and are not removed yet. */
  get expiring(): number {
    return this.nested ? this.table.expiring : 0;
  }

  /** Whether there may be fields that have expired. */
  get mayHaveExpired(): boolean {
    return this.nested && this.table.expiring > 0 && hasExpired(this.earliest, this.now);
  }

  /** Bytes of memory besides the value's own. */
  get ownedPages(): number {
    return this.nested ? this.table.allocatedPages : 0;
  }

  /** Finds a field. If it returns true, `value` and `expiry` describe it. */
  find(source: Region, offset: number, length: number): boolean {
    if (this.nested) return this.findNested(source, offset, length);
    const { element, region, at } = this;
    element.set(source, offset, length);
    this.expiry = 0;
    this.foundExpired = false;
    if (!this.findPacked(region, at, this.length)) return false;
    this.value.read(region, at + this.position + element.size);
    return true;
  }

  /** Finds the field in `element` among the pairs of a packed value. */
  protected findPacked(region: Region, at: number, length: number): boolean {
    this.position = findElement(region, at, length, this.element, PACKED_HEADER_BYTES, STRIDE);
    return this.position >= 0;
  }

  private findNested(source: Region, offset: number, length: number): boolean {
    const { table } = this;
    this.foundExpired = false;
    if (!this.locate(source, offset, length)) return false;
    this.foundExpired = hasExpired(table.expiry, this.now);
    if (this.foundExpired) return false;
    this.expiry = table.expiry;
    describe(this.value, table.valueOffset, table.valueLength);
    return true;
  }

  /** Finds the entry of a nested hash, even one that has expired. */
  protected locate(source: Region, offset: number, length: number): boolean {
    const { hash, space, table } = this;
    hashBytes(hash, source, offset, length, space.hashKey0, space.hashKey1);
    return table.find(source, offset, length, hash.h1, hash.h2);
  }

  /** Before going through all pairs with `next`. Nothing may change meanwhile. */
  rewind(): void {
    this.position = PACKED_HEADER_BYTES;
    this.seekTo(0);
  }

  /** Goes on at the bucket of this position of a nested hash. */
  seekTo(position: number): void {
    this.scanPosition = position;
    this.scanIndex = 0;
    if (this.nested) this.table.scanCount = 0;
  }

  /** Goes to the next pair. @returns false at the end */
  next(): boolean {
    if (this.nested) {
      while (!this.nextOfBucket()) {
        if (this.scanPosition >= SCAN_END) return false;
        this.nextBucket();
      }
      return true;
    }
    const { region, at, position } = this;
    if (position >= this.length) return false;
    const valueAt = position + this.field.read(region, at + position);
    this.position = valueAt + this.value.read(region, at + valueAt);
    this.expiry = 0;
    return true;
  }

  /** Collects the fields of one more bucket. @returns the position after it, SCAN_END at the end */
  nextBucket(): number {
    this.scanPosition = this.table.scan(this.scanPosition);
    this.scanIndex = 0;
    return this.scanPosition;
  }

  /** How many fields the bucket has, expired ones too. */
  get bucketSize(): number {
    return this.table.scanCount;
  }

  /** Goes to the next field of the bucket collected. @returns false when there is none */
  nextOfBucket(): boolean {
    const { table } = this;
    while (this.scanIndex < table.scanCount) {
      table.decode(table.scanOffsets[this.scanIndex++]!);
      if (hasExpired(table.expiry, this.now)) continue;
      this.describeEntry();
      return true;
    }
    return false;
  }

  /** How many fields have not expired. Counts them when some have. */
  countLive(): number {
    if (!this.mayHaveExpired) return this.size;
    let count = 0;
    this.rewind();
    while (this.next()) count++;
    return count;
  }

  /** Of a packed hash: notes where its pairs are, for `seekIndex`. */
  indexPairs(): void {
    collectPositions(this.region, this.at, this.positions);
  }

  /** Goes to a pair of a packed hash by its index. */
  seekIndex(index: number): void {
    this.position = this.positions[index * STRIDE]!;
    this.next();
  }

  /** A number that tells the entry visited from others, as long as nothing changes. */
  get entryNumber(): number {
    return this.table.entryOffset;
  }

  /** A random pair of a nested hash. @returns false when all that were hit have expired */
  seekRandom(random: () => number): boolean {
    const { table } = this;
    for (let i = 0; i < RANDOM_TRIES; i++) {
      const entry = table.random(random);
      if (entry === 0) return false;
      table.decode(entry);
      if (hasExpired(table.expiry, this.now)) continue;
      this.describeEntry();
      return true;
    }
    this.rewind();
    return this.next();
  }

  /** Takes the entry that the table describes as the pair visited. */
  private describeEntry(): void {
    const { table } = this;
    this.expiry = table.expiry;
    describe(this.field, table.keyOffset, table.keyLength);
    describe(this.value, table.valueOffset, table.valueLength);
  }
}

/** How often a random field is drawn again when it has expired. */
const RANDOM_TRIES = 100;

function describe(view: PackedView, offset: number, length: number): void {
  view.isInteger = false;
  view.isScore = false;
  view.offset = offset;
  view.length = length;
}
