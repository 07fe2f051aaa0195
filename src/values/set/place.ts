/**
 * Where a set lies, whatever its form, and what can be asked of it. A place is valid until the table
 * of its key changes.
 */
import { Region } from '../../base/region.js';
import { findInteger, integerCount } from '../../structures/packed/integer-set.js';
import { findElement, PACKED_HEADER_BYTES, packedCount } from '../../structures/packed/packed.js';
import type { StoredValue } from '../value-type.js';
import { isTableKind, SET_INTEGERS } from './kinds.js';
import type { SetMember } from './member.js';
import { type SetTables, setTables } from './tables.js';

const NO_REGION = new Region(new SharedArrayBuffer(8), 0);

/** Owned by its caller, reused. */
export class SetPlace {
  region = NO_REGION;
  kind = SET_INTEGERS;
  offset = 0;
  length = 0;
  /** Views of the tables of the value's space. */
  tables!: SetTables;

  take(value: StoredValue): void {
    this.at(value, setTables.of(value.space));
  }

  at(value: StoredValue, tables: SetTables): void {
    this.region = value.region;
    this.kind = value.kind;
    this.offset = value.valueOffset;
    this.length = value.valueLength;
    this.tables = tables;
  }

  copy(other: SetPlace): void {
    this.region = other.region;
    this.kind = other.kind;
    this.offset = other.offset;
    this.length = other.length;
    this.tables = other.tables;
  }

  /** How many members it has. */
  get size(): number {
    const { kind, region, offset, length } = this;
    if (kind === SET_INTEGERS) return integerCount(region, offset, length);
    if (!isTableKind(kind)) return packedCount(region, offset);
    const { probe } = this.tables;
    probe.attach(offset, region);
    return probe.size;
  }

  /** Whether it has a member. In a table, `probe` has found it then, or its place. */
  has(member: SetMember): boolean {
    const { kind, region, offset, length } = this;
    if (isTableKind(kind)) return this.tableHas(member);
    if (kind === SET_INTEGERS) {
      return member.isInteger && findInteger(region, offset, length, member.integer) >= 0;
    }
    return findElement(region, offset, length, member.packed, PACKED_HEADER_BYTES, 1) >= 0;
  }

  private tableHas(member: SetMember): boolean {
    const { probe, space } = this.tables;
    const { h1, h2 } = member.hash(space);
    probe.attach(this.offset, this.region);
    return probe.find(member.region, member.offset, member.length, h1, h2);
  }
}
