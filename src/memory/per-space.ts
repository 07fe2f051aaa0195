/**
 * What a thread keeps for each space, such as views that are attached to one root after the other.
 * It is made when it is first asked for. The space has the list of it, so that opening a value costs
 * an access to an array and no look-up.
 */
import type { Space } from './space.js';

let slots = 0;

export class PerSpace<T> {
  private readonly slot = slots++;

  constructor(private readonly make: (space: Space) => T) {}

  of(space: Space): T {
    const found = space.kept[this.slot];
    return found === undefined ? this.add(space) : (found as T);
  }

  private add(space: Space): T {
    const { kept } = space;
    const made = this.make(space);
    while (kept.length <= this.slot) kept.push(undefined);
    kept[this.slot] = made;
    return made;
  }
}
