/**
 * A walk through the members of a set, whatever its form. Each member has a *handle*, a positive
 * number by which it is found again until the set changes:
 *
 *     integers   index + 1
 *     packed     position in the value
 *     table      offset of the entry
 *
 * Handles of integers and packed members ascend. One walk of a space's tables at a time.
 */
import { partOf, randomBits } from '../../base/random.js';
import { Region } from '../../base/region.js';
import { PackedView } from '../../structures/packed/element.js';
import { integerCount, readInteger } from '../../structures/packed/integer-set.js';
import { collectPositions, PACKED_HEADER_BYTES } from '../../structures/packed/packed.js';
import { SCAN_END, type Table } from '../../structures/table.js';
import { isTableKind, PACKED_MEMBERS_MAX, SET_INTEGERS } from './kinds.js';
import type { SetMember } from './member.js';
import type { SetPlace } from './place.js';

const NO_REGION = new Region(new SharedArrayBuffer(8), 0);

const view = new PackedView();
const positions = new Int32Array(PACKED_MEMBERS_MAX);

/** Owned by its caller, reused. */
export class SetWalk {
  /** Of the member that came last. */
  handle = 0;
  private region = NO_REGION;
  private kind = SET_INTEGERS;
  private offset = 0;
  /** Of integers the next index, of packed members the next position, of a table the hash position. */
  private next = 0.5;
  private end = 0.5;
  private table: Table | null = null;
  /** Of the table's entries at hand: the next one. */
  private scanned = 0;

  begin(place: SetPlace): void {
    const { kind, region, offset, length } = place;
    this.region = region;
    this.kind = kind;
    this.offset = offset;
    if (isTableKind(kind)) {
      this.table = place.tables.walk;
      this.table.attach(offset, region);
      this.table.scanCount = 0;
      this.scanned = 0;
      this.next = 0;
    } else if (kind === SET_INTEGERS) {
      this.next = 0;
      this.end = integerCount(region, offset, length);
    } else {
      this.next = PACKED_HEADER_BYTES;
      this.end = length;
    }
  }

  /** @returns false when there is no further member */
  step(member: SetMember): boolean {
    if (isTableKind(this.kind)) return this.stepTable(member);
    if (this.next >= this.end) return false;
    // `next` is a double: offsets that are reckoned from it would be doubles too, wherever they go.
    const at = this.next | 0;
    if (this.kind === SET_INTEGERS) {
      readInteger(this.region, this.offset, at, member.integer);
      member.setInteger();
      this.handle = at + 1;
      this.next = at + 1;
    } else {
      this.handle = at;
      this.next = at + readPacked(this.region, this.offset + at, member);
    }
    return true;
  }

  private stepTable(member: SetMember): boolean {
    while (!this.stepInBucket(member)) {
      if (this.next >= SCAN_END) return false;
      this.seek(this.next);
    }
    return true;
  }

  /**
   * In a table: goes to the bucket at this position in the order of hashes.
   * @returns the position after it, SCAN_END behind the last
   */
  seek(position: number): number {
    this.next = this.table!.scan(position);
    this.scanned = 0;
    return this.next;
  }

  /** In a table: as `step`, up to the end of the bucket. */
  stepInBucket(member: SetMember): boolean {
    const table = this.table!;
    if (this.scanned >= table.scanCount) return false;
    this.handle = table.scanOffsets[this.scanned++]!;
    readEntry(table, this.handle, member);
    return true;
  }
}

/** @returns the bytes of the element */
function readPacked(region: Region, at: number, member: SetMember): number {
  const size = view.read(region, at);
  if (!view.isInteger) {
    member.set(region, view.offset, view.length);
    return size;
  }
  member.integer.low = view.integer.low;
  member.integer.high = view.integer.high;
  member.setInteger();
  return size;
}

function readEntry(table: Table, entry: number, member: SetMember): void {
  table.decode(entry);
  member.set(table.region, table.keyOffset, table.keyLength);
}

/** Reads the member that has this handle. */
export function readMember(place: SetPlace, handle: number, member: SetMember): void {
  const { kind, region, offset } = place;
  if (isTableKind(kind)) {
    readEntry(place.tables.probe, handle, member);
  } else if (kind === SET_INTEGERS) {
    readInteger(region, offset, handle - 1, member.integer);
    member.setInteger();
  } else {
    readPacked(region, offset + handle, member);
  }
}

/** Random members of one set, as long as it does not change. Owned by its caller, reused. */
export class RandomMembers {
  private place!: SetPlace;
  private count = 0;

  begin(place: SetPlace): void {
    this.place = place;
    const { kind, region, offset, length } = place;
    if (isTableKind(kind)) place.tables.probe.attach(offset, region);
    else if (kind === SET_INTEGERS) this.count = integerCount(region, offset, length);
    else this.count = collectPositions(region, offset, positions);
  }

  /** @returns the handle of a member, each as likely */
  hit(): number {
    const { place, count } = this;
    if (isTableKind(place.kind)) return place.tables.probe.random(randomBits);
    const index = partOf(count, randomBits());
    return place.kind === SET_INTEGERS ? index + 1 : positions[index]!;
  }
}
