/**
 * How streams lie in memory. The bytes of an entry are a root; two sequences hold the rest:
 *
 *   0    32  root of the sequence of blocks, by the id of their first entry (block.ts)
 *   32   32  root of the sequence of groups, consumers and pending entries (groups.ts)
 *   64   f64 entries
 *   72   i64 entries that were ever added
 *   80   16  last id, the most significant byte first, so that ids compare as bytes do
 *   96   16  the highest id that XDEL has removed
 *   112  f64 the number that the next group or consumer gets
 *
 * There is no packed form. One page of 4 KiB holds a stream of few entries, as in Redis.
 */
import { SEQUENCE_ROOT_BYTES } from '../../structures/sequence/root.js';

export const TYPE_STREAM = 5;
export const STREAM_KIND = TYPE_STREAM;

export const ROOT_BLOCKS = 0;
export const ROOT_GROUPS = SEQUENCE_ROOT_BYTES;
export const ROOT_LENGTH = 64;
export const ROOT_ADDED = 72;
export const ROOT_LAST_ID = 80;
export const ROOT_DELETED_ID = 96;
export const ROOT_NEXT_NUMBER = 112;
export const STREAM_ROOT_BYTES = 120;

/** Whether a key of this kind holds a stream. */
export function isStreamKind(kind: number): boolean {
  return (kind & 7) === TYPE_STREAM;
}
