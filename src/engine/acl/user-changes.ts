/**
 * Changes of the users as records, for the memory that threads share. Each but that of a deletion has
 * all of a user, so that it means the same whatever was before it; only the sessions of a user tell
 * what became of theirs.
 *
 *     CLEAR                  no users: those that follow are all
 *     PUT name, user-text    a user, in the place of the one with its name
 *     DELETE name
 */
import type { ChangeRecord, SharedChanges, TakeOver } from '../../memory/shared-changes.js';
import { type AclUsers, DEFAULT_USER, type SharedUserTexts } from './users.js';

const CLEAR = 0;
const PUT = 1;
const DELETE = 2;

export function putRecords(users: AclUsers, name: string): readonly ChangeRecord[] {
  return [{ kind: PUT, head: name, text: users.textOf(name)! }];
}

export function deletionRecords(names: readonly string[]): readonly ChangeRecord[] {
  return names.map((head) => ({ kind: DELETE, head, text: '' }));
}

export function allUsersRecords(users: AclUsers): readonly ChangeRecord[] {
  const records: ChangeRecord[] = [{ kind: CLEAR, head: '', text: '' }];
  for (const [head, text] of users.texts()) records.push({ kind: PUT, head, text });
  return records;
}

/** The user that a record is about; null: all. */
export function userIn(kind: number, head: string): string | null {
  return kind === CLEAR ? null : head;
}

/** Carries a change out that a thread has made. @param place where its text lies */
export function applyChange(users: AclUsers, kind: number, head: string, place: number): void {
  if (kind === CLEAR) users.clear();
  else if (kind === PUT) users.putPlace(head, place);
  else if (head !== DEFAULT_USER) users.deleteUsers([head]);
}

/** The texts of users as a table finds them that took changes over. */
export function sharedTextsOf(changes: SharedChanges, takeOver: TakeOver): SharedUserTexts {
  return { at: (place) => changes.at(place), catchUp: () => changes.read(takeOver) };
}
