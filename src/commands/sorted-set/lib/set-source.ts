/** A set as a source of a union, intersection or difference: all of its members have the score 1. */
import { isSetKind } from '../../../values/set/kinds.js';
import { SetMember } from '../../../values/set/member.js';
import { SetPlace } from '../../../values/set/place.js';
import { SetWalk } from '../../../values/set/walk.js';
import type { StoredValue } from '../../../values/value-type.js';
import type { MemberSource } from './member-source.js';

const SCORE = 1;

export { isSetKind };

export class SetSource implements MemberSource {
  count = 0;
  score = SCORE;
  private readonly place = new SetPlace();
  private readonly walk = new SetWalk();
  private readonly member = new SetMember();
  private readonly sought = new SetMember();

  attach(value: StoredValue): void {
    this.place.take(value);
    this.count = this.place.size;
  }

  get memberRegion() {
    return this.member.region;
  }

  get memberOffset(): number {
    return this.member.offset;
  }

  get memberLength(): number {
    return this.member.length;
  }

  first(): boolean {
    this.walk.begin(this.place);
    return this.next();
  }

  next(): boolean {
    return this.walk.step(this.member);
  }

  find(region: StoredValue['region'], offset: number, length: number): boolean {
    this.sought.set(region, offset, length);
    return this.place.has(this.sought);
  }
}
