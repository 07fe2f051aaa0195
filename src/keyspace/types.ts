/**
 * The registry of types: code that handles values of any type asks it.
 *
 *   kind of an entry:   bit 4 3 | 2 1 0
 *                       encoding| type
 *
 * What the encoding bits mean is the type's own business. The types of the database are TYPES; a
 * test may make a registry with others.
 *
 * The root of a database's table has a mark in the bytes that belong to its owner: whether values
 * that own pages were ever stored since it was last empty. Whoever looks for such values (a full
 * sync, clearing) skips tables without it.
 *
 *   48     i32  1: the table may have owning values
 *   52          4 bytes, unused
 *   56     f64  no element of the table's values expires before this (Mutation.noteElementExpiry)
 */
import type { Region } from '../base/region.js';
import type { Table } from '../structures/table.js';
import { LENGTH_MAX } from '../structures/untrusted-entry.js';
import { hashType } from '../values/hash/type.js';
import { listType } from '../values/list/type.js';
import { setType } from '../values/set/type.js';
import { sortedSetType } from '../values/sorted-set/type.js';
import { streamType } from '../values/stream/type.js';
import { stringType } from '../values/string/type.js';
import type { ElementExpiry, NativeParts, StoredValue, ValueType } from '../values/value-type.js';
import { ReclaimList } from './reclaim-list.js';

export { PartsPlace } from '../values/parts-place.js';
export type { StoredValue, ValueEffects, ValueParts, ValueType } from '../values/value-type.js';
export { PARTS_END } from '../values/value-type.js';

/** Redis's names by the number of a type, for registries that do not have all of them. */
const TYPE_NAMES = ['string', 'list', 'set', 'zset', 'hash', 'stream'];

/** Byte offset of the mark, from the root. */
const OWNING_MARK = 48;

export class TypeRegistry {
  /** Bit k is set when kind k exists. */
  readonly kinds: number;
  /** Bit k is set when `verify` has to see the bytes of kind k. */
  readonly verifiedKinds: number;
  /** Of any kind. */
  readonly valueBytesMax = LENGTH_MAX;
  /** Bit k is set when values of kind k own pages. */
  readonly owningKinds: number;
  readonly reclaim: ReclaimList;
  /** Bit k is set when values of kind k may have elements that expire by themselves. */
  private readonly expiringKinds: number;
  private readonly types: readonly (ValueType | undefined)[];

  constructor(types: readonly ValueType[]) {
    const byNumber = new Array<ValueType | undefined>(8).fill(undefined);
    for (const type of types) {
      if (byNumber[type.number] !== undefined) throw new Error(`two types ${type.number}`);
      byNumber[type.number] = type;
    }
    this.types = byNumber;
    this.kinds = maskOf(types.flatMap((type) => type.kinds));
    this.verifiedKinds = maskOf(types.flatMap((type) => type.verifiedKinds));
    this.owningKinds = maskOf(types.flatMap((type) => type.owningKinds));
    this.reclaim = new ReclaimList(this);
    const expiring = types.filter((type) => type.elementExpiry !== undefined);
    this.expiringKinds = maskOf(expiring.flatMap((type) => type.owningKinds));
  }

  /** The type of a kind. @throws when there is none: no entry has such a kind */
  of(kind: number): ValueType {
    const type = this.types[kind & 7];
    if (type === undefined) throw new Error(`an entry of kind ${kind}, which no type has`);
    return type;
  }

  /** As TYPE tells it. */
  nameOf(kind: number): string {
    return this.types[kind & 7]?.name ?? TYPE_NAMES[kind & 7]!;
  }

  /** Whether bytes from a peer are a value of this kind. */
  verify(kind: number, region: Region, offset: number, length: number): boolean {
    if (((this.kinds >>> kind) & 1) === 0) return false;
    return this.of(kind).verify(kind, region, offset, length);
  }

  /** Whether removing a value of this kind has to free pages. */
  owns(kind: number): boolean {
    return ((this.owningKinds >>> kind) & 1) !== 0;
  }

  /** Before a value of this kind is stored in a table. */
  markOwning(table: Table, kind: number): void {
    if (this.owns(kind)) table.region.view.setInt32(table.root + OWNING_MARK, 1, true);
  }

  /** Whether elements of a value of this kind may expire. */
  hasExpiringElements(kind: number): boolean {
    return ((this.expiringKinds >>> kind) & 1) !== 0;
  }

  /** How they do. @throws when none of this kind does */
  elementExpiry(kind: number): ElementExpiry {
    const expiry = this.of(kind).elementExpiry;
    if (expiry === undefined) throw new Error(`elements of kind ${kind} do not expire`);
    return expiry;
  }

  /** Whether a table may have values that own pages. */
  mayOwn(table: Table): boolean {
    return table.region.view.getInt32(table.root + OWNING_MARK, true) !== 0;
  }

  /** How parts of values of this kind come in their own form; null when they do not. */
  nativeParts(kind: number): NativeParts | null {
    const parts = this.types[kind & 7]?.nativeParts;
    return parts?.kinds.includes(kind) === true ? parts : null;
  }

  /** Frees the pages of an owning value, those of a large one bit by bit. */
  free(value: StoredValue): void {
    this.reclaim.free(value);
  }

  /** Empties a table, with the pages that its values own, those of a large one bit by bit. */
  clearTable(table: Table): void {
    this.reclaim.freeTable(table, this.mayOwn(table));
    table.region.view.setInt32(table.root + OWNING_MARK, 0, true);
  }

  /** Removes the entry that a table has found, with the pages that its value owns. */
  removeEntry(table: Table): void {
    if (this.owns(table.kind)) this.free(table);
    table.remove();
  }
}

function maskOf(kinds: readonly number[]): number {
  return kinds.reduce((mask, kind) => mask | (1 << kind), 0);
}

/** The types of the database. */
export const TYPES = new TypeRegistry([
  stringType,
  listType,
  setType,
  sortedSetType,
  hashType,
  streamType,
]);
