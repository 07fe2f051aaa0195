/**
 * A set that is built apart from the keyspace: the result of SUNIONSTORE, a set that SADD changes by
 * many members or to another form. Only when it is complete does it take a place in a table, so that
 * a full shard changes nothing.
 *
 *     begin ── load? ── add, remove ... ──▶ value: its bytes are copied into an entry
 *                                      └──▶ abandon
 *
 * It begins as integers and takes the forms of kinds.ts as they are needed. Integers and packed
 * members lie in memory of the builder's own; pages of a space are taken for a table only.
 */
import { copyBytes, Region } from '../../base/region.js';
import { ROOT_BYTES } from '../../structures/directory.js';
import { EMPTY_BYTES, formatIntegerSet } from '../../structures/packed/integer-set.js';
import { formatPacked, PACKED_HEADER_BYTES } from '../../structures/packed/packed.js';
import {
  ADDED,
  FULL,
  insertMember,
  lengthWithMember,
  PRESENT,
  putMember,
  removeMember,
} from './edit.js';
import {
  INTEGERS_BYTES_MAX,
  isTableKind,
  PACKED_BYTES_MAX,
  PACKED_MEMBERS_MAX,
  SET_INTEGER_TABLE,
  SET_INTEGERS,
  SET_PACKED,
  SET_TABLE,
} from './kinds.js';
import { SetMember } from './member.js';
import { SetPlace } from './place.js';
import type { SetTables } from './tables.js';
import { SetWalk } from './walk.js';

/** One for each thread; reused. */
export class SetBuilder {
  /** The set as it is: its bytes, in the builder's memory, and its kind. */
  readonly value = new SetPlace();
  private integersMax = 0;
  private readonly integers = new Region(new SharedArrayBuffer(INTEGERS_BYTES_MAX), 0);
  private readonly packed = new Region(new SharedArrayBuffer(PACKED_BYTES_MAX), 0);
  private readonly root = new Region(new SharedArrayBuffer(ROOT_BYTES), 0);
  /** For a change of form: the value in the form before, and its members. */
  private readonly former = new SetPlace();
  private readonly walk = new SetWalk();
  private readonly moved = new SetMember();

  /**
   * Begins an empty set.
   * @param tables those of the space where it will have its place
   * @param integersMax set-max-intset-entries
   */
  begin(tables: SetTables, integersMax: number): void {
    this.value.tables = tables;
    this.integersMax = integersMax;
    this.beginForm(SET_INTEGERS);
  }

  /** Takes the members of a set that is no table. */
  load(place: SetPlace): void {
    this.beginForm(place.kind);
    this.value.length = place.length;
    copyBytes(this.value.region, 0, place.region, place.offset, place.length);
  }

  /** @returns PRESENT, ADDED or FULL: the space is, and the builder has given back what it took */
  add(member: SetMember): number {
    const { value } = this;
    if (isTableKind(value.kind)) return this.addToTable(member);
    if (value.has(member)) return PRESENT;
    const longer = lengthWithMember(value, member, this.integersMax);
    if (longer === 0) return this.addToOtherForm(member);
    insertMember(value, member, longer);
    return ADDED;
  }

  private addToTable(member: SetMember): number {
    const result = putMember(this.value, member, this.integersMax);
    if (result === FULL) this.abandon();
    return result;
  }

  /** Gives the set another form and adds a member, which is not in it. */
  private addToOtherForm(member: SetMember): number {
    const { value, former, walk, moved } = this;
    former.copy(value);
    walk.begin(former);
    this.beginForm(this.otherForm(member));
    while (walk.step(moved)) if (this.add(moved) === FULL) return FULL;
    return this.add(member);
  }

  /** The form that has room for all present members. */
  private otherForm(member: SetMember): number {
    const { kind, length, size } = this.value;
    if (kind === SET_PACKED) return SET_TABLE;
    if (member.isInteger && size < this.integersMax) return SET_INTEGER_TABLE;
    // A packed integer has a tag more than the width, at most.
    const bytesMax = PACKED_HEADER_BYTES + length - EMPTY_BYTES + size;
    return size <= PACKED_MEMBERS_MAX && bytesMax <= PACKED_BYTES_MAX ? SET_PACKED : SET_TABLE;
  }

  private beginForm(kind: number): void {
    const { value } = this;
    value.kind = kind;
    value.offset = 0;
    if (isTableKind(kind)) {
      value.region = this.root;
      value.length = ROOT_BYTES;
      this.root.bytes.fill(0);
    } else if (kind === SET_INTEGERS) {
      value.region = this.integers;
      value.length = EMPTY_BYTES;
      formatIntegerSet(this.integers, 0);
    } else {
      value.region = this.packed;
      value.length = PACKED_HEADER_BYTES;
      formatPacked(this.packed, 0);
    }
  }

  /** @returns whether it was there */
  remove(member: SetMember): boolean {
    return removeMember(this.value, member);
  }

  /** After many were removed: compacts and merges what has become sparse. */
  tidy(): void {
    const { kind, region, tables } = this.value;
    if (!isTableKind(kind)) return;
    const { probe } = tables;
    probe.attach(0, region);
    if (probe.waiting > 0) probe.maintain(probe.frames);
  }

  /** Gives back the pages that it took. Not after the value has its place in a table. */
  abandon(): void {
    const { value, root } = this;
    if (!isTableKind(value.kind)) return;
    value.tables.reclaim.freeWhole(0, root);
    this.beginForm(SET_INTEGERS);
  }
}
