/**
 * Changes of the set that is the key last sought. Adding finds all room before it changes anything:
 *
 *     one member that fits its form   the entry becomes longer, then the member is written
 *     members into a table            put one by one, and taken out again when the shard is full
 *                                     before the last
 *     several, or another form        a SetBuilder makes the value, which replaces the bytes
 *
 * Removing only shrinks and cannot fail. Each of these begins an edit when it has changed something;
 * the command commits it. `place` is what they have made of the set.
 */
import { copyBytes } from '../../../base/region.js';
import { EVENT_DEL, type KeyspaceEvent } from '../../../keyspace/events.js';
import { SetBuilder } from '../../../values/set/builder.js';
import {
  ADDED,
  FULL,
  insertMember,
  lengthWithMember,
  putMember,
  removeMember,
} from '../../../values/set/edit.js';
import { isTableKind } from '../../../values/set/kinds.js';
import { setTables } from '../../../values/set/tables.js';
import type { Context } from '../../contract/context.js';
import { member, place, takeArgument } from './values.js';

export const builder = new SetBuilder();

/** Frames of a table that one removal may compact or merge. */
const MAINTENANCE_FRAMES = 1;
const KEPT_MARKS = 1 << 16;
/** By argument: 1 when the command has put it into the table. */
let marks = new Uint8Array(64);

/** Adds `member`. @returns whether it was not there @throws StoreFullError */
export function addMember(context: Context, found: boolean): boolean {
  const { keys, settings } = context;
  const { setIntsetEntriesMax } = settings;
  if (found) {
    place.take(keys);
    if (isTableKind(keys.kind)) {
      const result = putMember(place, member, setIntsetEntriesMax);
      if (result === FULL) throw keys.full();
      if (result === ADDED) keys.beginEdit(place.kind, place.length, true);
      return result === ADDED;
    }
    if (place.has(member)) return false;
    const longer = lengthWithMember(place, member, setIntsetEntriesMax);
    if (longer > 0) {
      place.offset = keys.beginEdit(place.kind, longer, true);
      insertMember(place, member, longer);
      return true;
    }
  }
  beginBuilder(context, found);
  if (builder.add(member) === FULL) throw keys.full();
  placeBuilt(context, found);
  return true;
}

/** Adds the arguments from `first` on. @returns how many were not there @throws StoreFullError */
export function addArguments(context: Context, found: boolean, first: number): number {
  const { args, keys } = context;
  if (found && isTableKind(keys.kind)) return putArguments(context, first);
  beginBuilder(context, found);
  let added = 0;
  for (let i = first; i < args.count; i++) {
    takeArgument(context, i);
    const result = builder.add(member);
    if (result === FULL) throw keys.full();
    if (result === ADDED) added++;
  }
  if (added > 0) placeBuilt(context, found);
  return added;
}

/** Begins a set that is to be the value of the key last sought, with what that has. */
function beginBuilder({ keys, settings }: Context, found: boolean): void {
  builder.begin(setTables.of(keys.space), settings.setIntsetEntriesMax);
  if (!found) return;
  place.take(keys);
  builder.load(place);
}

/** Makes what was built the value of the key last sought. */
function placeBuilt({ keys }: Context, found: boolean): void {
  const { kind, region, length } = builder.value;
  try {
    const at = keys.beginEdit(kind, length, found);
    copyBytes(keys.region, at, region, 0, length);
  } catch (error) {
    builder.abandon();
    throw error;
  }
}

/** Puts the arguments from `first` on into the table found, all or none. */
function putArguments(context: Context, first: number): number {
  const { args, keys, settings } = context;
  if (marks.length < args.count) marks = new Uint8Array(args.count);
  place.take(keys);
  let added = 0;
  for (let i = first; i < args.count; i++) {
    takeArgument(context, i);
    const result = putMember(place, member, settings.setIntsetEntriesMax);
    if (result === FULL) {
      takeOut(context, first, i);
      throw keys.full();
    }
    marks[i] = result;
    if (result === ADDED) added++;
  }
  if (marks.length > KEPT_MARKS) marks = new Uint8Array(64);
  if (added > 0) keys.beginEdit(place.kind, place.length, true);
  return added;
}

/** Removes the arguments again that were put into the table. */
function takeOut(context: Context, first: number, end: number): void {
  for (let i = first; i < end; i++) {
    if (marks[i] !== ADDED) continue;
    takeArgument(context, i);
    removeMember(place, member);
  }
}

/** Removes `member` from the set found. @returns whether it was there */
export function takeMember({ keys }: Context): boolean {
  place.take(keys);
  return removeMember(place, member);
}

/** Removes the arguments from `first` on from the set found. @returns how many were there */
export function takeArguments(context: Context, first: number): number {
  const { args, keys } = context;
  place.take(keys);
  let removed = 0;
  let left = place.size;
  for (let i = first; i < args.count && left > 0; i++) {
    takeArgument(context, i);
    if (!removeMember(place, member)) continue;
    removed++;
    left--;
  }
  return removed;
}

/**
 * After members were taken: removes the key when none is left, else begins the edit.
 * @returns whether an edit was begun
 */
export function beginShrunk({ keys }: Context, event: KeyspaceEvent): boolean {
  if (place.size > 0) {
    keys.beginEdit(place.kind, place.length, true);
    return true;
  }
  keys.remove(event);
  keys.announce(EVENT_DEL);
  return false;
}

/** After the commit: tidies a table that has become sparse. */
export function tidyShrunk(): void {
  if (!isTableKind(place.kind)) return;
  const { probe } = place.tables;
  probe.attach(place.offset, place.region);
  if (probe.waiting > 0) probe.maintain(MAINTENANCE_FRAMES);
}
