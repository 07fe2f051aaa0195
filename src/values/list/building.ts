/**
 * Lists that are built beside what is there: a packed one that outgrows its entry, a copy. The root
 * lies aside (views.ts) until the list is complete, so that a full space changes nothing.
 */
import { copyBytes, Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { NewElement } from '../../structures/sequence/element.js';
import type { Sequence } from '../../structures/sequence/sequence.js';
import type { StoredValue } from '../value-type.js';
import { ListReader } from './reader.js';
import { buildSequence, builtRoot, LIST_ROOT_BYTES } from './views.js';

const INTEGER_TEXT_BYTES = 24;

const reader = new ListReader();
const cursor = new Cursor();
const text = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);
const element = new NewElement(text);

/**
 * A sequence of the elements of a packed list, or of none.
 * @returns null when there is no room
 */
export function buildFromPacked(value: StoredValue, found: boolean): Sequence | null {
  const sequence = buildSequence(value.space);
  if (!found) return sequence;
  reader.open(value);
  for (let more = reader.seek(0); more; more = reader.next()) {
    if (!appendRead(sequence)) return null;
  }
  return sequence;
}

/** Appends the element that the reader is at. @returns false when there is no room: all is freed */
function appendRead(sequence: Sequence): boolean {
  reader.read();
  if (reader.isInteger) {
    reader.copyTo(text, 0);
    element.setBytes(text, 0, reader.length);
  } else element.setBytes(reader.region, reader.offset, reader.length);
  if (sequence.pushLast(cursor, element)) return true;
  sequence.clear();
  return false;
}

/**
 * Builds a copy of a sequence in a space, maybe the same one.
 * @returns null when there is no room
 */
export function copySequence(value: StoredValue, space: Space): Sequence | null {
  const sequence = buildSequence(space);
  reader.open(value);
  for (let more = reader.seek(0); more; more = reader.next()) {
    if (!appendRead(sequence)) return null;
  }
  return sequence;
}

/** Copies the root of the list that was built to where it belongs. */
export function writeBuiltRoot(region: Region, at: number): void {
  copyBytes(region, at, builtRoot, 0, LIST_ROOT_BYTES);
}
