/** Copies of the members of a scored set. */
import { Cursor } from '../../structures/sequence/cursor.js';
import { ElementView } from '../../structures/sequence/element.js';
import type { ScoredSet } from '../../structures/sequence/scored-set.js';

const cursor = new Cursor();
const view = new ElementView();

/**
 * Adds all members of a set to an empty one, which may lie in another space.
 * @returns false when there is no room: the other set is empty again then
 */
export function copyMembers(from: ScoredSet, to: ScoredSet): boolean {
  const { region } = from.space;
  for (let more = from.seekIndex(cursor, 0); more; more = from.next(cursor)) {
    from.read(cursor, view);
    to.find(region, view.offset, view.length);
    if (to.add(view.score)) continue;
    to.clear();
    return false;
  }
  return true;
}
