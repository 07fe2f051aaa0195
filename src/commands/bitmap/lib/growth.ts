/** Making a value long enough for the bits that SETBIT and BITFIELD write. */
import { EVENT_SETBIT } from '../../../keyspace/events.js';
import type { Keyspace } from '../../../keyspace/keyspace.js';
import { STRING_RAW } from '../../../keyspace/kinds.js';

class Growth {
  /** Whether the value was made longer, which counts as a change and has been told. */
  grew = false;
}

/** About the last `makeRoom`. */
export const growth = new Growth();

/**
 * Makes sure that the value of the key last sought has at least `bytes` bytes, new ones 0, and
 * counts as written in place.
 *
 * @returns where the value is
 */
export function makeRoom(keys: Keyspace, found: boolean, bytes: number): number {
  growth.grew = true;
  if (!found) {
    const offset = keys.put(STRING_RAW, bytes, 0, EVENT_SETBIT);
    keys.region.bytes.fill(0, offset, offset + bytes);
    return offset;
  }
  let offset = keys.valueOffset;
  if (bytes > keys.valueLength) offset = keys.resize(bytes, EVENT_SETBIT);
  else growth.grew = false;
  if (keys.kind !== STRING_RAW) keys.setKind(STRING_RAW);
  return offset;
}
