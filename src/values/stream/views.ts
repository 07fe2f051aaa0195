/**
 * This thread's views of the streams in each space: one for a stream that a command works on, one that
 * the type itself reads, one for a stream that is built, whose root lies in no entry, and one for
 * streams that are freed, which may happen in the middle of anything else.
 */
import { Region } from '../../base/region.js';
import { PerSpace } from '../../memory/per-space.js';
import type { Space } from '../../memory/space.js';
import type { StoredValue } from '../value-type.js';
import { STREAM_ROOT_BYTES } from './layout.js';
import { Stream } from './stream.js';

const openViews = new PerSpace((space) => new Stream(space));
const valueViews = new PerSpace((space) => new Stream(space));
const buildViews = new PerSpace((space) => new Stream(space));
const takenViews = new PerSpace((space) => new Stream(space));
const freeViews = new PerSpace((space) => new Stream(space));

/** Where the root of a stream that is being built lies, one for each thread. */
export const builtRoot = new Region(new SharedArrayBuffer(STREAM_ROOT_BYTES), 0);

/** The stream of an entry, for a command. Right until the entry moves. */
export function openStream(value: StoredValue): Stream {
  return openViews.of(value.space).attach(value.valueOffset, value.region);
}

/** The same for the type. */
export function streamOfValue(value: StoredValue): Stream {
  return valueViews.of(value.space).attach(value.valueOffset, value.region);
}

export function freedStream(value: StoredValue): Stream {
  return freeViews.of(value.space).attach(value.valueOffset, value.region);
}

/** The view of a stream that gets blocks of a peer's; the caller attaches it. */
export function takenStream(space: Space): Stream {
  return takenViews.of(space);
}

/** A new empty stream, whose root is `builtRoot`. */
export function buildStream(space: Space): Stream {
  return buildViews.of(space).create(0, builtRoot);
}
