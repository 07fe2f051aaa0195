/** Choosing distinct members of a set at random: SPOP and SRANDMEMBER with a count. */
import { isTableKind } from '../../../values/set/kinds.js';
import type { SetPlace } from '../../../values/set/place.js';
import { RandomMembers } from '../../../values/set/walk.js';
import { areFew, DistinctNumbers, RandomSelection } from '../../contract/random-choice.js';
import { member, walk } from './values.js';

/** The handles of the members chosen last; those of integers and packed members ascend. */
export const chosen = new DistinctNumbers();

const selection = new RandomSelection();
const random = new RandomMembers();

/** Chooses `count` members, which are not more than there are. `chosen.release()` follows. */
export function chooseMembers(place: SetPlace, count: number): void {
  const { size } = place;
  chosen.begin(count);
  if (isTableKind(place.kind) && areFew(count, size)) {
    random.begin(place);
    while (chosen.count < count) chosen.add(random.hit());
    return;
  }
  selection.begin(count, size);
  walk.begin(place);
  while (!selection.isDone && walk.step(member)) if (selection.takes()) chosen.append(walk.handle);
}
