/** Users and their rights, as the commands about them see them. Names and rules have one char a byte. */
import type { ErrorReply } from '../../protocol/errors.js';
import type { Session } from './session.js';

/** Its rules, as ACL GETUSER shows them. */
export interface SelectorDescription {
  readonly commands: string;
  readonly keys: string;
  readonly channels: string;
}

export interface UserDescription {
  readonly flags: readonly string[];
  /** SHA-256 in hexadecimal. */
  readonly passwords: readonly string[];
  readonly root: SelectorDescription;
  readonly selectors: readonly SelectorDescription[];
}

export interface AclLogLine {
  readonly count: number;
  readonly reason: string;
  readonly context: string;
  readonly object: string;
  readonly username: string;
  readonly ageSeconds: number;
  readonly clientInfo: string;
}

/** What was asked for, or the error's text with its code. */
export type AclAnswer<T> = { readonly answer: T } | { readonly error: string };

/** Changes are in force in all threads when a method returns. */
export interface AclPort {
  /** The default user has no password. */
  readonly isOpen: boolean;
  /** Logs a client of this thread in. @returns null, or why not, which is noted in the log */
  authenticate(session: Session, name: string, password: string): ErrorReply | null;
  hasUser(name: string): boolean;
  /** By name. */
  userNames(): readonly string[];
  /** Each user as the line of a configuration file. */
  userLines(): readonly string[];
  describe(name: string): UserDescription | null;
  /** @returns the error's text, or null */
  setUser(name: string, rules: readonly string[]): string | null;
  /** Ends the connections of those that were there, and tells how many. */
  deleteUsers(names: readonly string[]): AclAnswer<number>;
  generatePassword(bits: number): AclAnswer<string>;
  /** What running these words would be answered: 'OK', or why the user may not. */
  dryRun(name: string, words: readonly string[]): AclAnswer<string>;
  /** Full names of a category's commands; null when there is none of that name. */
  membersOf(category: string): readonly string[] | null;
  /** What was denied lately, by all threads, the latest first. */
  log(count: number): readonly AclLogLine[];
  resetLog(): void;
  /** Takes the users of the ACL file. @returns the error's text, or null */
  load(): string | null;
  /** Writes the ACL file. @returns the error's text, or null */
  save(): string | null;
}
