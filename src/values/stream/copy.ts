/** A copy of a stream with its groups: both sequences are copied element by element, in order. */
import { copyBytes, Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { ElementView, NewElement } from '../../structures/sequence/element.js';
import type { Sequence } from '../../structures/sequence/sequence.js';
import type { StoredValue } from '../value-type.js';
import { ROOT_LENGTH, STREAM_ROOT_BYTES } from './layout.js';
import { buildStream, builtRoot, streamOfValue } from './views.js';

const NOTHING = new Region(new SharedArrayBuffer(8), 0);
const from = new Cursor();
const to = new Cursor();
const view = new ElementView();
const element = new NewElement(NOTHING);

/** @returns false when there is no room: nothing is kept */
export function copyStream(value: StoredValue, space: Space): boolean {
  const source = streamOfValue(value);
  const copy = buildStream(space);
  const done = copyBlocks(source.blocks, copy.blocks) && copyMembers(source.members, copy.members);
  element.setBytes(NOTHING, 0, 0);
  if (!done) {
    copy.clear();
    return false;
  }
  const rest = STREAM_ROOT_BYTES - ROOT_LENGTH;
  copyBytes(builtRoot, ROOT_LENGTH, value.region, value.valueOffset + ROOT_LENGTH, rest);
  return true;
}

function copyBlocks(source: Sequence, target: Sequence): boolean {
  const { region } = source.space;
  for (let more = source.seekIndex(from, 0); more; more = source.next(from)) {
    source.read(from, view);
    element.setIdentified(region, view.idOffset, region, view.offset, view.length);
    if (!target.pushLast(to, element)) return false;
  }
  return true;
}

function copyMembers(source: Sequence, target: Sequence): boolean {
  const { region } = source.space;
  for (let more = source.seekIndex(from, 0); more; more = source.next(from)) {
    source.read(from, view);
    element.setScored(view.score, region, view.offset, view.length);
    if (!target.pushLast(to, element)) return false;
  }
  return true;
}
