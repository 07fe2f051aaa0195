/**
 * Changes of the users as texts, for the memory that threads share. A text has all of a user, so that
 * it means the same whatever was before it; only the sessions of a user tell what became of theirs.
 */
import type { CommandSet } from './catalog.js';
import type { Selector, SelectorData } from './selector.js';
import type { AclUser, UserData } from './user.js';
import { type AclUsers, DEFAULT_USER } from './users.js';

/** Bitmaps and maps have no form in JSON. */
type SelectorRecord = Omit<SelectorData, 'commands' | 'firstArguments'> & {
  readonly commands: readonly number[];
  readonly firstArguments: readonly (readonly [index: number, words: readonly string[]])[];
};

type UserRecord = Omit<UserData, 'selectors'> & { readonly selectors: readonly SelectorRecord[] };

type Change =
  | { readonly kind: 'put'; readonly user: UserRecord }
  | { readonly kind: 'delete'; readonly names: readonly string[] }
  | { readonly kind: 'all'; readonly users: readonly UserRecord[] };

export function putText(user: AclUser): string {
  return JSON.stringify({ kind: 'put', user: userRecord(user) } satisfies Change);
}

export function deletionText(names: readonly string[]): string {
  return JSON.stringify({ kind: 'delete', names } satisfies Change);
}

export function allUsersText(users: AclUsers): string {
  const records = Array.from(users.all(), userRecord);
  return JSON.stringify({ kind: 'all', users: records } satisfies Change);
}

/** Carries a change out that another thread has made. */
export function applyChange(users: AclUsers, text: string): void {
  const change = JSON.parse(text) as Change;
  if (change.kind === 'put') {
    users.put(users.copyOf(userData(change.user)));
  } else if (change.kind === 'delete') {
    users.deleteUsers(change.names.filter((name) => name !== DEFAULT_USER));
  } else {
    const table = change.users.map((user) => users.copyOf(userData(user)));
    users.replaceAll(new Map(table.map((user) => [user.name, user])));
  }
}

function userRecord(user: AclUser): UserRecord {
  const { name, born, enabled, noPassword, sanitizing, passwords, selectors } = user;
  return {
    ...{ name, born, enabled, noPassword, sanitizing, passwords },
    selectors: selectors.map(selectorRecord),
  };
}

function selectorRecord(selector: Selector): SelectorRecord {
  const { allKeys, allChannels, allCommands, futureCommands, keyPatterns, channels } = selector;
  return {
    ...{ allKeys, allChannels, allCommands, futureCommands, keyPatterns, channels },
    commands: [...selector.commands],
    firstArguments: [...selector.firstArguments],
  };
}

function userData(record: UserRecord): UserData {
  return {
    ...record,
    selectors: record.selectors.map((selector) => ({
      ...selector,
      commands: Uint32Array.from(selector.commands) as CommandSet,
      firstArguments: new Map(selector.firstArguments.map(([index, words]) => [index, [...words]])),
    })),
  };
}
