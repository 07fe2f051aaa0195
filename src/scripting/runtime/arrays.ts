/** The arrays that tables are made of (table.ts), as they are before there are keys. */
import type { LuaValue } from './values.js';

export const NO_NODE = -1;
/** Parts up to this size are copied from these: an array that grows by `push` takes room for 17. */
const COPIED_SIZE_MAX = 64;
const UNDEFINEDS: LuaValue[] = [];
const UNLINKED: number[] = [];
for (let i = 0; i <= COPIED_SIZE_MAX; i++) {
  UNDEFINEDS.push(undefined);
  UNLINKED.push(NO_NODE);
}

/** `size` times undefined. Arrays of the sizes that most tables have are literals: V8 makes these without a call. */
export function undefineds(size: number): LuaValue[] {
  switch (size) {
    case 1:
      return [undefined];
    case 2:
      return [undefined, undefined];
    case 3:
      return [undefined, undefined, undefined];
    case 4:
      return [undefined, undefined, undefined, undefined];
    case 5:
      return [undefined, undefined, undefined, undefined, undefined];
    default:
      return copiesOf(UNDEFINEDS, size);
  }
}

/** `size` times NO_NODE. */
export function unlinked(size: number): number[] {
  if (size === 1) return [NO_NODE];
  if (size === 2) return [NO_NODE, NO_NODE];
  return size === 4 ? [NO_NODE, NO_NODE, NO_NODE, NO_NODE] : copiesOf(UNLINKED, size);
}

/** An array of `size` times the value that the template is full of. */
function copiesOf<Value>(template: readonly Value[], size: number): Value[] {
  if (size <= COPIED_SIZE_MAX) return template.slice(0, size);
  const copies = template.slice();
  while (copies.length < size) copies.push(template[0]!);
  return copies;
}
