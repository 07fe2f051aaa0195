/**
 * Intersections, and differences by Redis's first algorithm: the members of one set are looked up in
 * the others. It needs no memory, whatever comes of it.
 *
 *     intersection   the smallest set, members that all others have     O(N * M)
 *     difference     the first set, members that no other has           O(N * M)
 */
import type { SetMember } from '../../../values/set/member.js';
import { SetPlace } from '../../../values/set/place.js';
import type { Context } from '../../contract/context.js';
import { sources } from './sources.js';
import { place, walk } from './values.js';

const other = new SetPlace();

/** The walk of one command at a time. */
export class FilteredWalk {
  private context!: Context;
  /** Whether a member passes when the others have it, or when they do not. */
  private wanted = true;

  /** Begins to walk through what all sources have, of which none is missing. */
  beginIntersection(context: Context): void {
    this.wanted = true;
    sources.sort(0);
    this.begin(context);
  }

  /** Begins to walk through what only the first source has, which is not missing. */
  beginDifference(context: Context): void {
    this.wanted = false;
    sources.sort(1);
    this.begin(context);
  }

  private begin(context: Context): void {
    this.context = context;
    sources.open(context, 0, place);
    walk.begin(place);
  }

  /** @returns false when there is no further member */
  step(member: SetMember): boolean {
    while (walk.step(member)) if (this.passes(member)) return true;
    return false;
  }

  private passes(member: SetMember): boolean {
    const { context, wanted } = this;
    // Of a difference the largest first: it is the most likely to have the member.
    for (let i = 1; i < sources.count; i++) {
      const rank = wanted ? i : sources.count - i;
      if (wanted && sources.isSame(rank, 0)) continue;
      sources.open(context, rank, other);
      if (other.has(member) !== wanted) return false;
    }
    return true;
  }
}

export const filtered = new FilteredWalk();
