/**
 * This thread's views of the sequences in each space: one for a list that is there, one for a list that
 * is being built, so that a list can be copied within its space, and one for lists that are freed, which
 * may happen in the middle of anything else. The root of a list that is being built lies in no entry.
 */
import { Region } from '../../base/region.js';
import { PerSpace } from '../../memory/per-space.js';
import type { Space } from '../../memory/space.js';
import { ORDER_NONE, SEQUENCE_ROOT_BYTES } from '../../structures/sequence/root.js';
import { Sequence } from '../../structures/sequence/sequence.js';
import type { StoredValue } from '../value-type.js';

export type { Sequence };

export const LIST_ROOT_BYTES = SEQUENCE_ROOT_BYTES;

const openViews = new PerSpace((space) => new Sequence(space));
const buildViews = new PerSpace((space) => new Sequence(space));
const takenViews = new PerSpace((space) => new Sequence(space));
const freeViews = new PerSpace((space) => new Sequence(space));

/** Where the root of a list that is being built lies, one for each thread. */
export const builtRoot = new Region(new SharedArrayBuffer(SEQUENCE_ROOT_BYTES), 0);

/** The list of an entry. Right until the entry moves, or another list of the space is opened. */
export function openSequence(value: StoredValue): Sequence {
  const view = openViews.of(value.space);
  view.attach(value.valueOffset, value.region);
  return view;
}

/** The same for a list that is being freed. */
export function openFreed(value: StoredValue): Sequence {
  const view = freeViews.of(value.space);
  view.attach(value.valueOffset, value.region);
  return view;
}

/** The view of a list that gets leaves of a peer's; the caller attaches it. */
export function takenList(space: Space): Sequence {
  return takenViews.of(space);
}

/** A new empty list, whose root is `builtRoot`. */
export function buildSequence(space: Space): Sequence {
  const view = buildViews.of(space);
  view.create(0, ORDER_NONE, builtRoot);
  return view;
}
