/**
 * A place inside a stream that is shipped to a replica in parts (effects.ts). What lies before it was
 * shipped. The position says how far the shipping has come, the names say where:
 *
 *   position         name      inner
 *   PLACE_NOTHING
 *   PLACE_GROUPS     a group             the groups before this name, with their consumers
 *   PLACE_CONSUMERS  a group   consumer  this group too, and its consumers before this name
 *   PLACE_ENTRIES              id        all groups and consumers, the entries up to this id, and what is
 *                                        pending up to `claimed`. Where entries go in whole blocks, these
 *                                        are ahead of what is pending
 *
 * Effects on a stream that has been shipped as far as that:
 *
 *   XADD above the last id shipped   a part to come will have the entry
 *   XDEL, XTRIM                      sent: the replica removes what it has
 *   XSETID                           a part to come will have the figures: they are the last
 *   of a group                       sent when the group was shipped. A consumer that is made twice stays
 *                                    one, and XCLAIM says all that there is to say of a pending entry, so
 *                                    that it does not matter whether a part brings the same once more, nor
 *                                    that a Redis leaves out what it has no entry of yet
 *
 * The order is that of the bytes of names and ids. It never moves: ids only grow, and whatever begins
 * again below the place (a group of the same name) sets the place back.
 */
import type { Region } from '../../base/region.js';
import { PlaceBytes } from '../place-bytes.js';
import { FORM_STRICT, idParser, StreamId } from './stream-id.js';

export const PLACE_NOTHING = 0;
export const PLACE_GROUPS = 1;
export const PLACE_CONSUMERS = 2;
export const PLACE_ENTRIES = 3;

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
  readonly claimed = new InnerPlace();

  /** Whether an entry is appended where the place has been: XSETID has lowered the last id. The id is a text. */
  isBelow(position: number, region: Region, offset: number, length: number): boolean {
    if (position < PLACE_ENTRIES) return false;
    if (!idParser.parse(region, offset, length, FORM_STRICT, 0, parsed)) return true;
    return parsed.compare(this.inner.readId(shipped)) <= 0;
  }

  /** Whether the replica has the group of this name, in part at least. */
  hasGroup(position: number, region: Region, offset: number, length: number): boolean {
    if (position < PLACE_GROUPS) return false;
    if (position === PLACE_ENTRIES) return true;
    const order = this.name.compare(region, offset, length);
    return order > 0 || (order === 0 && position > PLACE_GROUPS);
  }

  /** A group is removed. @returns the position after it */
  groupRemoved(position: number, region: Region, offset: number, length: number): number {
    if (position !== PLACE_CONSUMERS) return position;
    return this.name.compare(region, offset, length) === 0 ? PLACE_GROUPS : position;
  }

  release(): void {
    this.name.release();
    this.inner.release();
    this.claimed.release();
  }
}
