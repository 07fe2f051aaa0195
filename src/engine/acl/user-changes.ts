/**
 * Changes of the users as texts, for the memory that threads share. Each text but that of a deletion
 * has all of a user, so that it means the same whatever was before it; only the sessions of a user
 * tell what became of theirs.
 *
 *     CLEAR                  no users: those that follow are all
 *     PUT user-text          a user, in the place of the one with its name
 *     DELETE names in JSON
 */
import type { SharedChanges } from '../../memory/shared-changes.js';
import { nameIn } from './user-text.js';
import { type AclUsers, DEFAULT_USER, type SharedUserTexts } from './users.js';

const CLEAR = '*';
const PUT = '+';
const DELETE = '-';

export function putTexts(users: AclUsers, name: string): readonly string[] {
  return [PUT + users.textOf(name)!];
}

export function deletionTexts(names: readonly string[]): readonly string[] {
  return [DELETE + JSON.stringify(names)];
}

export function allUsersTexts(users: AclUsers): readonly string[] {
  const texts = [CLEAR];
  for (const text of users.texts()) texts.push(PUT + text);
  return texts;
}

/** Carries a change out that a thread has made. @param place where its text lies */
export function applyChange(users: AclUsers, text: string, place: number): void {
  switch (text[0]) {
    case CLEAR:
      users.clear();
      break;
    case PUT:
      users.putPlace(nameIn(text.slice(PUT.length)), place);
      break;
    case DELETE: {
      const names = JSON.parse(text.slice(DELETE.length)) as string[];
      users.deleteUsers(names.filter((name) => name !== DEFAULT_USER));
    }
  }
}

/** The texts of users as a table finds them that took changes over. */
export function sharedTextsOf(users: AclUsers, changes: SharedChanges): SharedUserTexts {
  return {
    at: (place) => {
      const text = changes.at(place);
      return text === null ? null : text.slice(PUT.length);
    },
    catchUp: () => changes.read((text, place) => applyChange(users, text, place)),
  };
}
