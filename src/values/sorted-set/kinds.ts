/**
 * How sorted sets are stored. The kind of an entry says which form its bytes have, and what OBJECT
 * ENCODING calls it. The two are apart: Redis's settings decide about the name, and a set that is
 * called skiplist may be small enough to be packed.
 *
 *                 packed                     nested
 *   bytes         pairs of member and        root of a ScoredSet, 48 bytes; the members lie in
 *                 score in order             pages of the shard
 *   "listpack"    kind 3 | 0 << 3            kind 3 | 3 << 3
 *   "skiplist"    kind 3 | 1 << 3            kind 3 | 2 << 3
 *
 * A packed set that outgrows its limits becomes a nested one. A nested one stays so, until a whole new
 * value is made.
 */
import type { Region } from '../../base/region.js';
import { packedCount } from '../../structures/packed/packed.js';
import { SCORED_SET_ROOT_BYTES } from '../../structures/sequence/scored-set.js';

export const TYPE_SORTED_SET = 3;
const LISTPACK_PACKED = TYPE_SORTED_SET;
const SKIPLIST_PACKED = TYPE_SORTED_SET | (1 << 3);
const SKIPLIST_NESTED = TYPE_SORTED_SET | (2 << 3);
const LISTPACK_NESTED = TYPE_SORTED_SET | (3 << 3);

export const SORTED_SET_KINDS = [
  LISTPACK_PACKED,
  SKIPLIST_PACKED,
  SKIPLIST_NESTED,
  LISTPACK_NESTED,
] as const;
export const NESTED_KINDS = [SKIPLIST_NESTED, LISTPACK_NESTED] as const;

/** Bytes and members of a packed set, at most: it is searched from its beginning. */
export const PACKED_BYTES_MAX = 4096;
export const PACKED_MEMBERS_MAX = 256;
export const ROOT_BYTES = SCORED_SET_ROOT_BYTES;

/** Whether a key of this kind holds a sorted set. */
export function isSortedSetKind(kind: number): boolean {
  return (kind & 7) === TYPE_SORTED_SET;
}

export function isNestedKind(kind: number): boolean {
  return kind === SKIPLIST_NESTED || kind === LISTPACK_NESTED;
}

export function isListpackKind(kind: number): boolean {
  return kind === LISTPACK_PACKED || kind === LISTPACK_NESTED;
}

export function kindOf(isNested: boolean, isListpack: boolean): number {
  if (isNested) return isListpack ? LISTPACK_NESTED : SKIPLIST_NESTED;
  return isListpack ? LISTPACK_PACKED : SKIPLIST_PACKED;
}

/** Members of a packed set. */
export function packedMembers(region: Region, at: number): number {
  return packedCount(region, at) >> 1;
}
