/**
 * How lists lie in memory. The kind tells which of two forms the bytes of an entry have:
 *
 *     LIST_PACKED     the elements themselves (structures/packed), while they are few and short
 *     LIST_SEQUENCE   the root of a counted B+-tree of pages (structures/sequence)
 *
 * A packed list that outgrows its limits becomes a sequence and stays one; only a whole new value
 * is packed again. Redis 7.0 calls every list a quicklist, so that clients see no difference.
 */
export const TYPE_LIST = 1;
export const LIST_PACKED = TYPE_LIST;
export const LIST_SEQUENCE = TYPE_LIST | (1 << 3);

/** The most bytes and elements of a packed list. A sequence begins with a page of 4 KiB. */
export const PACKED_LIST_BYTES_MAX = 4096;
export const PACKED_LIST_COUNT_MAX = 512;

/** Whether a key of this kind holds a list. */
export function isListKind(kind: number): boolean {
  return (kind & 7) === TYPE_LIST;
}

export function fitsPacked(bytes: number, count: number): boolean {
  return bytes <= PACKED_LIST_BYTES_MAX && count <= PACKED_LIST_COUNT_MAX;
}
