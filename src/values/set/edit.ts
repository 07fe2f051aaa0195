/** Changes of a set where it lies. The place keeps up with the value's length and kind. */
import { elementBytes } from '../../structures/packed/element.js';
import {
  findInteger,
  insertInteger,
  integerCount,
  lengthWith,
  removeInteger,
} from '../../structures/packed/integer-set.js';
import {
  findElement,
  PACKED_HEADER_BYTES,
  packedCount,
  Splice,
  splice,
} from '../../structures/packed/packed.js';
import {
  INTEGERS_BYTES_MAX,
  isTableKind,
  PACKED_BYTES_MAX,
  PACKED_MEMBERS_MAX,
  SET_INTEGER_TABLE,
  SET_INTEGERS,
  SET_TABLE,
} from './kinds.js';
import type { SetMember } from './member.js';
import type { SetPlace } from './place.js';

/** What adding a member comes to. */
export const PRESENT = 0;
export const ADDED = 1;
export const FULL = 2;

/** A nested entry needs no kind of its own. */
const ENTRY_KIND = 0;

const change = new Splice();

/**
 * Bytes of a set that is no table with one more member, which it does not have.
 * @param integersMax set-max-intset-entries
 * @returns 0 when the set takes another form with it
 */
export function lengthWithMember(place: SetPlace, member: SetMember, integersMax: number): number {
  const { kind, region, offset, length } = place;
  if (kind === SET_INTEGERS) {
    if (!member.isInteger || integerCount(region, offset, length) >= integersMax) return 0;
    const longer = lengthWith(region, offset, length, member.integer);
    return longer <= INTEGERS_BYTES_MAX ? longer : 0;
  }
  if (packedCount(region, offset) >= PACKED_MEMBERS_MAX) return 0;
  const longer = length + member.packed.size;
  return longer <= PACKED_BYTES_MAX ? longer : 0;
}

/** Writes a member into a value with room for `longer` bytes, which `lengthWithMember` gave. */
export function insertMember(place: SetPlace, member: SetMember, longer: number): void {
  const { kind, region, offset, length } = place;
  if (kind === SET_INTEGERS) {
    const index = findInteger(region, offset, length, member.integer);
    insertInteger(region, offset, length, -1 - index, member.integer);
  } else {
    change.insert(length, longer - length, 1);
    splice(region, offset, length, change);
    member.packed.write(region, offset + length);
  }
  place.length = longer;
}

/** Puts a member into a table. @returns PRESENT, ADDED or, when the space has no room, FULL */
export function putMember(place: SetPlace, member: SetMember, integersMax: number): number {
  if (place.has(member)) return PRESENT;
  const { probe } = place.tables;
  if (probe.put(ENTRY_KIND, 0, 0) < 0) return FULL;
  if (place.kind === SET_INTEGER_TABLE && !(member.isInteger && probe.size <= integersMax)) {
    place.kind = SET_TABLE;
  }
  return ADDED;
}

/** Removes a member. @returns whether it was there */
export function removeMember(place: SetPlace, member: SetMember): boolean {
  const { kind, region, offset, length } = place;
  if (isTableKind(kind)) {
    if (!place.has(member)) return false;
    place.tables.probe.remove();
    return true;
  }
  if (kind === SET_INTEGERS) {
    const index = member.isInteger ? findInteger(region, offset, length, member.integer) : -1;
    if (index >= 0) place.length = removeInteger(region, offset, length, index);
    return index >= 0;
  }
  const at = findElement(region, offset, length, member.packed, PACKED_HEADER_BYTES, 1);
  if (at < 0) return false;
  change.remove(at, elementBytes(region, offset + at), 1);
  splice(region, offset, length, change);
  place.length = length + change.growth;
  return true;
}

/**
 * Removes members of a set that is no table.
 * @param handles theirs as a walk gave them, `count` in ascending order
 */
export function removeHandles(place: SetPlace, handles: Int32Array, count: number): void {
  const { kind, region, offset } = place;
  // From the last on, so that those before it stay where they are.
  for (let i = count - 1; i >= 0; i--) {
    const handle = handles[i]!;
    if (kind === SET_INTEGERS) {
      place.length = removeInteger(region, offset, place.length, handle - 1);
    } else {
      change.remove(handle, elementBytes(region, offset + handle), 1);
      splice(region, offset, place.length, change);
      place.length += change.growth;
    }
  }
}
