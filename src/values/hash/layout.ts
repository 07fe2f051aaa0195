/**
 * How a hash is stored, and what OBJECT ENCODING calls it: two things that know nothing of each other.
 *
 *   kind    bit 4    bit 3       2 1 0
 *           nested   hashtable   4 (hash)
 *
 *   packed   pairs of field and value in the entry itself (structures/packed), at most
 *            PACKED_BYTES_MAX and PACKED_FIELDS_MAX of them; no field expires
 *   nested   a table (structures/nested-table.ts) whose root is the value. Its entries are the fields.
 *            A hash becomes nested when it grows too large or when the first of its fields gets an
 *            expiry, and never packed again
 *
 * Bit 3 says that Redis would have a dictionary by now: its limits have been exceeded once.
 *
 * A root has bytes of the owner's:
 *
 *   48   f64   no field expires before this, in milliseconds; 0 when no field ever got an expiry
 */
import { ROOT_BYTES, ROOT_OWNER_BYTE } from '../../structures/directory.js';

export const TYPE_HASH = 4;
export const KIND_NAMED_TABLE = 1 << 3;
export const KIND_NESTED = 2 << 3;
export const HASH_ROOT_BYTES = ROOT_BYTES;
export const ROOT_EARLIEST_BYTE = ROOT_OWNER_BYTE;

export const PACKED_BYTES_MAX = 4096;
export const PACKED_FIELDS_MAX = 256;

/** The directives that decide what a hash is called; and for how long it is called a listpack. */
export interface HashLimits {
  readonly hashListpackEntriesMax: number;
  readonly hashListpackValueBytesMax: number;
}

/** Whether a key of this kind holds a hash. */
export function isHashKind(kind: number): boolean {
  return (kind & 7) === TYPE_HASH;
}

export function isNestedKind(kind: number): boolean {
  return (kind & KIND_NESTED) !== 0;
}
