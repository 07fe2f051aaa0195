/**
 * This thread's views of the sequences in each space: one for a list that is there, one for a list that
 * is being built, so that a list can be copied within its space, and one for lists that are freed, which
 * may happen in the middle of anything else. The root of a list that is being built lies in no entry.
 */
import { Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { ORDER_NONE, SEQUENCE_ROOT_BYTES } from '../../structures/sequence/root.js';
import { Sequence } from '../../structures/sequence/sequence.js';
import type { StoredValue } from '../value-type.js';

export type { Sequence };

export const LIST_ROOT_BYTES = SEQUENCE_ROOT_BYTES;

type Views = WeakMap<Space, Sequence>;

const openViews: Views = new WeakMap();
const buildViews: Views = new WeakMap();
const freeViews: Views = new WeakMap();

/** Where the root of a list that is being built lies, one for each thread. */
export const builtRoot = new Region(new SharedArrayBuffer(SEQUENCE_ROOT_BYTES), 0);

function viewOf(views: Views, space: Space): Sequence {
  let view = views.get(space);
  if (view === undefined) {
    view = new Sequence(space);
    views.set(space, view);
  }
  return view;
}

/** The list of an entry. Right until the entry moves, or another list of the space is opened. */
export function openSequence(value: StoredValue): Sequence {
  const view = viewOf(openViews, value.space);
  view.attach(value.valueOffset, value.region);
  return view;
}

/** The same for a list that is being freed. */
export function openFreed(value: StoredValue): Sequence {
  const view = viewOf(freeViews, value.space);
  view.attach(value.valueOffset, value.region);
  return view;
}

/** A new empty list, whose root is `builtRoot`. */
export function buildSequence(space: Space): Sequence {
  const view = viewOf(buildViews, space);
  view.create(0, ORDER_NONE, builtRoot);
  return view;
}
