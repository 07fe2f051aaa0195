/**
 * A place inside a large collection that is shipped in parts, under many short holds of the lock. It
 * continues the cursor of the walk (full-sync-walk.ts) inside the key at that cursor: elements before
 * `position` were shipped, those after it were not. All other keys with the same hash position were
 * shipped when the collection was begun.
 *
 *   order   position
 *   hash    of the hashes of fields or members, 0 to 2^32; it never moves
 *   index   how many elements from the head were shipped; it follows the changes before it
 *   id      how far a stream was shipped: the place says which entry or group it is at
 *   score   how far a sorted set was shipped: the place says up to which member
 *
 * At position 0 whatever the replica has of the key is replaced by the first part.
 */
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes, equalBytes, type Region } from '../../base/region.js';
import { PartsPlace, type ValueParts } from '../../keyspace/types.js';

const KEY_BYTES = 1024;

export class PartCursor {
  /** Whether a collection is being shipped in parts. */
  active = false;
  database = 0;
  /** Hash position of the key. */
  h1 = 0;
  position = 0;
  /** Known from its first part on. */
  order: ValueParts['order'] = 'hash';
  /** Of a list: its elements when the last record was judged. */
  length = 0;
  /** How often it was begun again. */
  restarts = 0;
  readonly place = new PartsPlace();
  keyRegion = newRegion(KEY_BYTES);
  readonly keyOffset = 0;
  keyLength = 0;

  begin(database: number, h1: number, region: Region, offset: number, length: number): void {
    this.active = true;
    this.database = database;
    this.h1 = h1;
    this.position = 0;
    this.length = 0;
    this.restarts = 0;
    this.keyRegion = withRoom(this.keyRegion, 0, length);
    copyBytes(this.keyRegion, 0, region, offset, length);
    this.keyLength = length;
  }

  /** Nothing of the collection counts as shipped any more. */
  restart(): void {
    this.position = 0;
    this.place.release();
    this.restarts++;
  }

  end(): void {
    this.active = false;
    this.place.release();
    if (this.keyRegion.length > KEY_BYTES) {
      giveBack(this.keyRegion);
      this.keyRegion = newRegion(KEY_BYTES);
    }
  }

  isKey(region: Region, offset: number, length: number): boolean {
    return length === this.keyLength && equalBytes(region, offset, this.keyRegion, 0, length);
  }
}
