/** An element of a list goes from one end to the other. A packed list stays as long as it is. */
import { moveBytes } from '../../base/region.js';
import { PackedElement } from '../../structures/packed/element.js';
import { PACKED_HEADER_BYTES } from '../../structures/packed/packed.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import type { StoredValue } from '../value-type.js';
import type { ListInsertion } from './insertion.js';
import { LIST_PACKED } from './layout.js';
import type { ListReader } from './reader.js';
import { openSequence } from './views.js';

const cursor = new Cursor();
let packed: PackedElement | null = null;

/**
 * Moves the first element behind the last one, or the last one before the first, of a list of several.
 * @param list the reader that has the value open; it is to be opened again
 * @param insertion the element, which is kept outside of the list, and where it goes
 * @returns false when the space is full; nothing has changed then
 */
export function rotateElement(
  value: StoredValue,
  list: ListReader,
  insertion: ListInsertion,
): boolean {
  const toTail = insertion.index > 0;
  if (value.kind === LIST_PACKED) {
    rotatePacked(value, list, insertion, toTail);
    return true;
  }
  const sequence = openSequence(value);
  if (!insertion.insertInto(sequence)) return false;
  sequence.seekIndex(cursor, toTail ? 0 : sequence.count - 1);
  sequence.remove(cursor, 1);
  return true;
}

function rotatePacked(
  { region, valueOffset: at, valueLength: length }: StoredValue,
  list: ListReader,
  { args }: ListInsertion,
  toTail: boolean,
): void {
  packed ??= new PackedElement(region);
  packed.set(args.region, args.offset[0]!, args.length[0]!);
  const head = at + PACKED_HEADER_BYTES;
  const end = at + length;
  if (toTail) {
    const second = at + list.positionOf(1);
    moveBytes(region, head, second, end - second);
    packed.write(region, end - packed.size);
  } else {
    moveBytes(region, head + packed.size, head, end - packed.size - head);
    packed.write(region, head);
  }
}
