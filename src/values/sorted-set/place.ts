/**
 * A place inside a sorted set that is shipped to a replica in parts (native-parts.ts): all members up to
 * this one, in the order of scores, were shipped.
 *
 * Members move in that order. An effect that names some cannot tell whether the replica has them, nor
 * where they belong by the time that they are shipped. So their names are kept here, and the next part begins
 * with what each of them is then: a member before the place, or none that the replica has yet.
 */
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes, moveBytes, type Region } from '../../base/region.js';
import { PlaceBytes } from '../place-bytes.js';

const NAMES_BYTES = 1024;
const LENGTH_BYTES = 4;

export class ScoredPlace {
  score = Number.NaN;
  readonly member = new PlaceBytes();
  /** Names, each behind its length; those from `taken` to `end` wait. */
  private names = newRegion(NAMES_BYTES);
  private taken = 0;
  private end = 0;
  /** The name last taken. */
  nameOffset = 0;
  nameLength = 0;

  get nameRegion(): Region {
    return this.names;
  }

  get hasNames(): boolean {
    return this.taken < this.end;
  }

  set(score: number, region: Region, offset: number, length: number): void {
    this.score = score;
    this.member.set(region, offset, length);
  }

  note(region: Region, offset: number, length: number): void {
    if (this.taken * 2 > this.end) this.forgetTaken();
    const { end } = this;
    const after = end + LENGTH_BYTES + length;
    this.names = withRoom(this.names, end, after);
    this.names.view.setUint32(end, length, true);
    copyBytes(this.names, end + LENGTH_BYTES, region, offset, length);
    this.end = after;
  }

  private forgetTaken(): void {
    const { names, taken, end } = this;
    moveBytes(names, 0, taken, end - taken);
    this.taken = 0;
    this.end = end - taken;
  }

  /** Takes the next name. @returns false when there is none */
  takeName(): boolean {
    if (!this.hasNames) return false;
    this.nameLength = this.names.view.getUint32(this.taken, true);
    this.nameOffset = this.taken + LENGTH_BYTES;
    this.taken = this.nameOffset + this.nameLength;
    return true;
  }

  release(): void {
    this.member.release();
    this.taken = 0;
    this.end = 0;
    if (this.names.length <= NAMES_BYTES) return;
    giveBack(this.names);
    this.names = newRegion(NAMES_BYTES);
  }
}
