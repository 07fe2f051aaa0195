/** What the commands that change sorted sets share: opening an edit, storing what came of it. */
import { copyBytes } from '../../../base/region.js';
import { EVENT_DEL, type KeyspaceEvent } from '../../../keyspace/events.js';
import { SortedSetEdit } from '../../../values/sorted-set/edit.js';
import type { Context } from '../../contract/context.js';
import { isSortedSet } from './values.js';

/** One for each thread. */
export const edit = new SortedSetEdit();

function setLimits({ settings }: Context): void {
  edit.listpackMembersMax = settings.sortedSetListpackEntriesMax;
  edit.listpackMemberBytesMax = settings.sortedSetListpackValueBytesMax;
  // An effect has the scores that its primary stored, also where a set is still small while it is rebuilt.
  edit.keepsZeros = settings.replaysEffects;
}

/** Begins an edit with an empty set in the space of the key last sought. */
export function createEdit(context: Context): void {
  setLimits(context);
  edit.create(context.keys.space);
}

/**
 * Begins an edit of the key last sought, or of an empty set. False: another type, answered.
 * @param isSingle whether there will be one change at most
 */
export function openEdit(context: Context, found: boolean, isSingle: boolean): boolean {
  if (!found) {
    createEdit(context);
    return true;
  }
  if (!isSortedSet(context)) return false;
  setLimits(context);
  edit.open(context.keys, isSingle);
  return true;
}

/** The shard has no room: the key stays as it was. @throws StoreFullError */
export function refuse({ keys }: Context): never {
  edit.discard();
  throw keys.full();
}

/** Stores the edit under the key last sought; a commit follows. @throws StoreFullError */
export function writeEdit(context: Context, found: boolean): void {
  const { keys } = context;
  if (edit.isInPlace) {
    keys.beginEdit(edit.kind, keys.valueLength, true);
    return;
  }
  if (edit.isSingle) {
    writeSingle(context);
    return;
  }
  const offset = placeEdit(context, found);
  copyBytes(keys.region, offset, edit.bytes, 0, edit.length);
}

/**
 * Makes the one change where the value lies: an entry grows before it, and shrinks behind it. A value that
 * has lost its last member stays as it is: its key goes.
 */
function writeSingle({ keys }: Context): void {
  const { growth, kind } = edit;
  if (edit.count === 0) {
    keys.beginEdit(kind, keys.valueLength, true);
    return;
  }
  if (growth < 0) edit.apply(keys.region, keys.valueOffset);
  const offset = keys.beginEdit(kind, keys.valueLength + growth, true);
  if (growth >= 0) edit.apply(keys.region, offset);
}

function placeEdit({ keys }: Context, found: boolean): number {
  try {
    if (found && !edit.isNew) return keys.beginEdit(edit.kind, edit.length, true);
    return keys.beginStore(edit.kind, edit.length, found ? keys.expiry : 0);
  } catch (error) {
    edit.discard();
    throw error;
  }
}

/** After members were removed: stores the edit; a set without members goes. */
export function commitRemoval(context: Context, event: KeyspaceEvent): void {
  const { args, keys } = context;
  writeEdit(context, true);
  keys.commit(event, args);
  removeIfEmpty(context);
}

export function removeIfEmpty({ keys }: Context): void {
  if (edit.count === 0) keys.remove(EVENT_DEL);
}

/**
 * Stores the edit in the place of whatever the key last sought holds; without members the key goes.
 * The effect is the value.
 * @throws StoreFullError
 */
export function storeResult(context: Context, event: KeyspaceEvent): void {
  const { keys } = context;
  if (edit.count === 0) {
    if (keys.exists) keys.remove(EVENT_DEL);
    return;
  }
  try {
    keys.store(edit.kind, edit.bytes, 0, edit.length, 0, event);
  } catch (error) {
    edit.discard();
    throw error;
  }
}
