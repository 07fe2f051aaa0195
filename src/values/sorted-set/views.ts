/**
 * One thread's views of scored sets: one for each space and use, made when it is first needed. Two
 * sets of one space are open at the same time only with two uses.
 */
import type { Space } from '../../memory/space.js';
import { ScoredSet } from '../../structures/sequence/scored-set.js';

/**
 * What a command reads; what it looks members up in meanwhile; what it changes; what the type itself
 * works on; what is freed, in the middle of any of these.
 */
export const USE_READ = 0;
export const USE_LOOKUP = 1;
export const USE_EDIT = 2;
export const USE_VALUE = 3;
export const USE_FREE = 4;
const USES = 5;

const views = new WeakMap<Space, (ScoredSet | null)[]>();

export function scoredSetOf(space: Space, use: number): ScoredSet {
  let ofSpace = views.get(space);
  if (ofSpace === undefined) {
    ofSpace = new Array<ScoredSet | null>(USES).fill(null);
    views.set(space, ofSpace);
  }
  let set = ofSpace[use]!;
  if (set === null) {
    set = new ScoredSet(space);
    ofSpace[use] = set;
  }
  return set;
}
