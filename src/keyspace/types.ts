/**
 * The registry of types: code that handles values of any type asks it.
 *
 *   kind of an entry:   bit 4 3 | 2 1 0
 *                       encoding| type
 *
 * What the encoding bits mean is the type's own business. The types of the database are TYPES; a
 * test may make a registry with others.
 */
import type { Region } from '../base/region.js';
import { SCAN_END, type Table } from '../structures/table.js';
import { setType } from '../values/set/type.js';
import { sortedSetType } from '../values/sorted-set/type.js';
import { stringType } from '../values/string/type.js';
import type { StoredValue, ValueType } from '../values/value-type.js';

/** Redis's names by the number of a type, also of types that are not there yet. */
const TYPE_NAMES = ['string', 'list', 'set', 'zset', 'hash', 'stream'];

/** Pages that one step of freeing a value gives back. */
const FREE_STEP_PAGES = 1024;

export class TypeRegistry {
  /** Bit k is set when kind k exists. */
  readonly kinds: number;
  /** Bit k is set when `verify` has to see the bytes of kind k. */
  readonly verifiedKinds: number;
  /** Bit k is set when values of kind k own pages. */
  readonly owningKinds: number;
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

  free(value: StoredValue): void {
    const type = this.of(value.kind);
    while (!type.freeStep(value, FREE_STEP_PAGES));
  }

  /** Empties a table, with the pages that its values own. */
  clearTable(table: Table): void {
    if (this.owningKinds !== 0) this.freeOwned(table);
    table.clear();
  }

  /** Removes the entry that a table has found, with the pages that its value owns. */
  removeEntry(table: Table): void {
    if (this.owns(table.kind)) this.free(table);
    table.remove();
  }

  private freeOwned(table: Table): void {
    for (let position = 0; position < SCAN_END; ) {
      position = table.scan(position);
      for (let i = 0; i < table.scanCount; i++) {
        table.decode(table.scanOffsets[i]!);
        if (this.owns(table.kind)) this.free(table);
      }
    }
  }
}

function maskOf(kinds: readonly number[]): number {
  return kinds.reduce((mask, kind) => mask | (1 << kind), 0);
}

/** The types of the database. */
export const TYPES = new TypeRegistry([stringType, setType, sortedSetType]);
