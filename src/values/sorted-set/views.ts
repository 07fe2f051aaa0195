/**
 * One thread's views of scored sets: one for each space and use, made when it is first needed. Two
 * sets of one space are open at the same time only with two uses.
 */
import { PerSpace } from '../../memory/per-space.js';
import type { Space } from '../../memory/space.js';
import { ReceivedSet } from '../../structures/sequence/received-set.js';
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

const views = Array.from({ length: USES }, () => new PerSpace((space) => new ScoredSet(space)));

const takenViews = new PerSpace((space) => new ReceivedSet(space));

/** The view of a set that gets leaves of a peer's; the caller attaches it. */
export function takenSetOf(space: Space): ReceivedSet {
  return takenViews.of(space);
}

export function scoredSetOf(space: Space, use: number): ScoredSet {
  return views[use]!.of(space);
}
