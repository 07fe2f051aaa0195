/** How a chunk uses KEYS and ARGV: whether it needs the tables, or only reads places of them. */
import type { Expression } from './tree.js';

const LISTS: readonly string[] = ['KEYS', 'ARGV'];
/** By these names code that is not in the text, or the table of globals, can be had. */
const HIDING_NAMES = ['_G', 'load', 'loadstring'];
const PLACE_MAX = 2 ** 20;

export class ListUses {
  /** Uses by name less those that read a place. */
  private readonly others = new Map<string, number>();

  /** A global was named. */
  note(name: string): void {
    if (LISTS.includes(name)) this.count(name, 1);
  }

  /** An index was read: how it is used is seen later. */
  noteIndex(expression: Expression): void {
    const name = plainList(expression);
    if (name !== undefined) this.count(name, -1);
  }

  /** It is assigned to. */
  noteTarget(expression: Expression): void {
    const name = plainList(expression);
    if (name !== undefined) this.count(name, 1);
  }

  private count(name: string, by: number): void {
    this.others.set(name, (this.others.get(name) ?? 0) + by);
  }

  plainLists(globals: ReadonlySet<string>): ReadonlySet<string> {
    if (hidesCode(globals)) return new Set();
    return new Set(LISTS.filter((name) => (this.others.get(name) ?? 0) === 0));
  }
}

/** Whether a chunk may use any global, also one that its text does not name. */
export function hidesCode(globals: ReadonlySet<string>): boolean {
  return HIDING_NAMES.some((name) => globals.has(name));
}

/** The name of the list that `KEYS[1]` or `ARGV[1]` reads; undefined for all else. */
function plainList(expression: Expression): string | undefined {
  if (expression.kind !== 'index') return undefined;
  const { object, key } = expression;
  if (object.kind !== 'global' || !LISTS.includes(object.name)) return undefined;
  const isPlace = key.kind === 'number' && Number.isInteger(key.value);
  return isPlace && key.value >= 1 && key.value <= PLACE_MAX ? object.name : undefined;
}

/** A place of KEYS or ARGV that a chunk reads. */
export interface ListPlace {
  readonly isKey: boolean;
  readonly place: number;
}

/** The place that an expression reads of a list which the chunk uses in no other way. */
export function placeOf(
  expression: Expression,
  plainLists: ReadonlySet<string>,
): ListPlace | undefined {
  const name = plainList(expression);
  if (name === undefined || !plainLists.has(name) || expression.kind !== 'index') return undefined;
  const { key } = expression;
  return key.kind === 'number' ? { isKey: name === 'KEYS', place: key.value } : undefined;
}
