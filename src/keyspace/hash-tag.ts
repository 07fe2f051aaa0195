/**
 * Hash tags, as Redis Cluster's specification has them: the part of a key between its first '{' and
 * the next '}', when it is not empty. Keys with the same tag belong together.
 */
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Where a tag lies; callers reuse one. */
export class HashTag {
  offset = 0;
  length = 0;
}

/** Fills `into` with the tag of a key. @returns false when it has none, and `into` is the whole key */
export function findTag(bytes: Uint8Array, offset: number, length: number, into: HashTag): boolean {
  const end = offset + length;
  into.offset = offset;
  into.length = length;
  let open = offset;
  while (open < end && bytes[open] !== OPEN_BRACE) open++;
  let close = open + 1;
  while (close < end && bytes[close] !== CLOSE_BRACE) close++;
  if (close >= end || close === open + 1) return false;
  into.offset = open + 1;
  into.length = close - open - 1;
  return true;
}
