/**
 * A place inside a stream that is shipped to a replica in parts (effects.ts). What lies before it was
 * shipped. The position says how far the shipping has come, the names say where:
 *
 *   position         name      inner
 *   PLACE_NOTHING
 *   PLACE_ENTRIES              id: the last entry that was shipped
 *   PLACE_GROUPS     a group             all entries and the figures of the root, and the groups before
 *                                        this name
 *   PLACE_CONSUMERS  a group   consumer  this group too, and its consumers before this name
 *   PLACE_PENDING    a group   id        all its consumers, and what is pending before this id
 *
 * Effects on a stream that has been shipped as far as that:
 *
 *   XADD above the last id shipped   a part to come will have the entry
 *   XDEL, XTRIM                      sent: the replica removes what it has
 *   XSETID                           the figures come behind all entries; sent after them
 *   of a group                       sent when the group was shipped. A consumer that is made twice stays
 *                                    one, and XCLAIM says all that there is to say of a pending entry, so
 *                                    that it does not matter whether a part brings the same once more
 *
 * The order is that of the bytes of names and ids. It never moves: ids only grow, and whatever begins
 * again below the place (a group of the same name) sets the place back.
 */
import type { Region } from '../../base/region.js';
import { PlaceBytes } from '../place-bytes.js';
import { FORM_STRICT, idParser, StreamId } from './stream-id.js';

export const PLACE_NOTHING = 0;
export const PLACE_ENTRIES = 1;
export const PLACE_GROUPS = 2;
export const PLACE_CONSUMERS = 3;
export const PLACE_PENDING = 4;

/** Verdicts on an entry that was appended. */
export const ENTRY_TO_COME = 0;
export const ENTRY_FOLLOWS = 1;
/** It lies where the place has been: XSETID has lowered the last id. */
export const ENTRY_BELOW = 2;

const ID_BYTES = 16;

const parsed = new StreamId();
const shipped = new StreamId();

/** A name, or an id. */
class InnerPlace extends PlaceBytes {
  setId(id: StreamId): void {
    id.write(this.region, 0);
    this.length = ID_BYTES;
  }

  readId(into: StreamId): StreamId {
    return into.read(this.region, 0);
  }
}

export class StreamPlace {
  readonly name = new PlaceBytes();
  readonly inner = new InnerPlace();

  /** @returns ENTRY_* for an entry appended; its id is a text */
  entry(position: number, region: Region, offset: number, length: number): number {
    if (position >= PLACE_GROUPS) return ENTRY_FOLLOWS;
    if (!idParser.parse(region, offset, length, FORM_STRICT, 0, parsed)) return ENTRY_BELOW;
    return parsed.compare(this.inner.readId(shipped)) > 0 ? ENTRY_TO_COME : ENTRY_BELOW;
  }

  /** Whether the figures of the root were shipped. */
  hasFigures(position: number): boolean {
    return position >= PLACE_GROUPS;
  }

  /** Whether the replica has the group of this name, in part at least. */
  hasGroup(position: number, region: Region, offset: number, length: number): boolean {
    if (position < PLACE_GROUPS) return false;
    const order = this.name.compare(region, offset, length);
    return order > 0 || (order === 0 && position > PLACE_GROUPS);
  }

  /** A group is removed. @returns the position after it */
  groupRemoved(position: number, region: Region, offset: number, length: number): number {
    if (position <= PLACE_GROUPS) return position;
    return this.name.compare(region, offset, length) === 0 ? PLACE_GROUPS : position;
  }

  release(): void {
    this.name.release();
    this.inner.release();
  }
}
