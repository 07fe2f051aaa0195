/**
 * The kinds of sets, and the limits between their forms. OBJECT ENCODING tells what Redis would
 * store; what is stored here is another question:
 *
 *     kind                told as     stored as
 *     SET_INTEGERS        intset      integers in ascending order, in the entry
 *     SET_PACKED          hashtable   packed members, in the entry
 *     SET_TABLE           hashtable   a nested table: the entry holds its root
 *     SET_INTEGER_TABLE   intset      the same, of more integers than an entry should hold
 *
 * As in Redis a set never goes back: not to intset, and not to fewer pages. Only a value that is made
 * anew (SINTERSTORE) begins as integers again.
 */
const TYPE_BITS = 7;
const TABLE_BIT = 16;

export const TYPE_SET = 2;
export const SET_INTEGERS = TYPE_SET;
export const SET_PACKED = TYPE_SET | (1 << 3);
export const SET_TABLE = TYPE_SET | TABLE_BIT;
export const SET_INTEGER_TABLE = TYPE_SET | TABLE_BIT | (1 << 3);

/** What one packed value holds at most. */
export const PACKED_MEMBERS_MAX = 512;
export const PACKED_BYTES_MAX = 4096;
/** Inserting moves half of the integers on average. */
export const INTEGERS_BYTES_MAX = 64 * 1024;

/** Whether a key of this kind holds a set. */
export function isSetKind(kind: number): boolean {
  return (kind & TYPE_BITS) === TYPE_SET;
}

/** Whether the value is the root of a table. */
export function isTableKind(kind: number): boolean {
  return (kind & TABLE_BIT) !== 0;
}
