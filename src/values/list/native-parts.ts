/**
 * The elements of a list in its own form, for a replica (values/native-parts.ts): leaves of its tree
 * (structures/sequence/leaf.ts), one page after the other, as they are.
 *
 * Elements that are too long for a leaf lie elsewhere: such leaves go as commands. So does the rest of a
 * leaf in which a part begins, as elements have come or gone at the head since.
 */
import { newRegion } from '../../base/owned-region.js';
import type { Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { ORDER_NONE } from '../../structures/sequence/root.js';
import { isLeafAlone } from '../../structures/sequence/verify.js';
import { EFFECT_PART, EFFECT_PART_SUBCOMMAND, NO_ROOM, PART_BYTES_MAX } from '../native-parts.js';
import { type NativeParts, PARTS_END, type StoredValue, type ValueEffects } from '../value-type.js';
import { buildFromPacked } from './building.js';
import { emitSome } from './effects.js';
import { EFFECT_ELEMENTS_MAX } from '../rebuilding.js';
import { LIST_SEQUENCE } from './layout.js';
import { builtRoot, LIST_ROOT_BYTES, openSequence, takenList } from './views.js';

const LEAVES_MAX = Math.floor(PART_BYTES_MAX / PAGE_BYTES);

const out = newRegion(LEAVES_MAX * PAGE_BYTES);
const cursor = new Cursor();

/** As ValueParts.emit, of a list that is a sequence. */
export function emitListPart(
  value: StoredValue,
  index: number,
  budgetBytes: number,
  effects: ValueEffects,
): number {
  const list = openSequence(value);
  if (!list.seekIndex(cursor, index)) return PARTS_END;
  const fitting = Math.min(LEAVES_MAX, Math.floor(budgetBytes / PAGE_BYTES));
  const leaves = effects.takesParts ? fitting : 0;
  let bytes = 0;
  let more = true;
  for (let i = 0; i < leaves && more && list.copyLeaf(cursor, out, bytes); i++) {
    bytes += PAGE_BYTES;
    more = list.nextLeaf(cursor);
  }
  if (bytes === 0) {
    const elements = Math.min(EFFECT_ELEMENTS_MAX, list.leftInLeaf(cursor));
    return emitSome(value, index, elements, budgetBytes, effects);
  }
  effects.begin(EFFECT_PART, EFFECT_PART_SUBCOMMAND).word(String(LIST_SEQUENCE));
  effects.bytes(out, 0, bytes).end();
  return more ? cursor.rank : PARTS_END;
}

export const listParts: NativeParts = {
  kinds: [LIST_SEQUENCE],
  rootedKinds: [LIST_SEQUENCE],
  rootBytes: LIST_ROOT_BYTES,
  kindWith: () => LIST_SEQUENCE,

  build(value, built) {
    if (buildFromPacked(value, true) === null) return false;
    built.region = builtRoot;
    built.offset = 0;
    built.length = LIST_ROOT_BYTES;
    return true;
  },

  format(space: Space, root: number): void {
    takenList(space).create(root, ORDER_NONE, space.region);
  },

  take(space: Space, root: number, part: Region, length: number): string | null {
    const list = takenList(space);
    list.attach(root, space.region);
    if (length === 0 || length % PAGE_BYTES !== 0) return 'leaves that are cut off';
    space.populateAhead(length / PAGE_BYTES);
    for (let at = 0; at < length; at += PAGE_BYTES) {
      if (!isLeafAlone(part, at)) return 'a leaf that is none';
      if (!list.appendLeaf(part, at)) return NO_ROOM;
    }
    return null;
  },
};
