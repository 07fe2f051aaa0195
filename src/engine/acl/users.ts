/**
 * All users. A user never changes: a rule makes a new one that takes its place, so that a session may
 * keep the one it has and see by comparison that there is another.
 *
 * Changes are all or nothing: of one user (ACL SETUSER) and of all (ACL LOAD).
 */
import { untilNul } from '../../protocol/errors.js';
import type { AclCatalog } from './catalog.js';
import { type Audience, describeUserLine } from './describe.js';
import { matchesPassword } from './passwords.js';
import { Permissions } from './permissions.js';
import { ruleErrorText } from './rule-errors.js';
import { DEFAULT_USER_STAYS_TEXT, USER_NAME_TEXT } from './texts.js';
import { type AclDefaults, AclUser, type UserData } from './user.js';
import { hasBlanks, joinSelectors } from './words.js';

export const DEFAULT_USER = 'default';

export type UserTable = ReadonlyMap<string, AclUser>;

export class AclUsers {
  /** What users that are made now are born with: another number for every change of the table. */
  changeNumber = 1;
  private table = new Map<string, AclUser>();
  private readonly compiled = new WeakMap<AclUser, Permissions>();

  constructor(
    readonly catalog: AclCatalog,
    readonly defaults: AclDefaults,
  ) {
    this.table.set(DEFAULT_USER, this.createDefaultUser());
  }

  get(name: string): AclUser | undefined {
    return this.table.get(name);
  }

  get defaultUser(): AclUser {
    return this.table.get(DEFAULT_USER)!;
  }

  all(): Iterable<AclUser> {
    return this.table.values();
  }

  /** In the order of their bytes. */
  names(): string[] {
    return [...this.table.keys()].sort();
  }

  /** The lines of ACL LIST for a client, of ACL SAVE and CONFIG REWRITE for a file. */
  lines(audience: Audience): string[] {
    const { catalog, table } = this;
    return this.names().map((name) => describeUserLine(catalog, table.get(name)!, audience));
  }

  /** A user with no rights, which is not in the table yet. */
  createUser(name: string): AclUser {
    const born = name === DEFAULT_USER ? 0 : this.changeNumber;
    return new AclUser(name, born, this.catalog, this.defaults);
  }

  /** The default user of a server without configuration: it may do everything, with no password. */
  createDefaultUser(): AclUser {
    const user = this.createUser(DEFAULT_USER);
    for (const rule of ['+@all', '~*', '&*', 'on', 'nopass']) user.apply(this.catalog, rule);
    return user;
  }

  /** A user of this table made of data that came from another thread, or of another user. */
  copyOf(data: UserData): AclUser {
    return AclUser.copyOf(data, this.catalog, this.defaults);
  }

  /** A user's rules as checks need them: compiled once, and kept by the sessions of the user. */
  permissionsOf(user: AclUser): Permissions {
    let compiled = this.compiled.get(user);
    if (compiled === undefined) {
      compiled = new Permissions(user);
      this.compiled.set(user, compiled);
    }
    return compiled;
  }

  /** ACL SETUSER: null, or the error for which nothing has changed. */
  setUser(name: string, rules: readonly string[]): string | null {
    if (hasBlanks(name)) return USER_NAME_TEXT;
    const { words, unmatched } = joinSelectors(rules);
    if (unmatched !== undefined) {
      return `ERR Unmatched parenthesis in acl selector starting at '${untilNul(unmatched)}'.`;
    }
    const present = this.table.get(name);
    const user = present === undefined ? this.createUser(name) : this.copyOf(present);
    for (const word of words) {
      const error = user.apply(this.catalog, word);
      if (error === null) continue;
      return `ERR Error in ACL SETUSER modifier '${untilNul(word)}': ${ruleErrorText(error)}`;
    }
    this.put(user);
    return null;
  }

  /** ACL DELUSER: the names of those that were there, or an error. Their connections are to close. */
  deleteUsers(names: readonly string[]): readonly string[] | { readonly error: string } {
    if (names.some((name) => untilNul(name) === DEFAULT_USER)) {
      return { error: DEFAULT_USER_STAYS_TEXT };
    }
    return names.filter((name) => this.table.delete(name));
  }

  /** requirepass: the default user's only password, or none at all. */
  setDefaultPassword(password: string | null): void {
    const user = this.copyOf(this.defaultUser);
    user.apply(this.catalog, 'resetpass');
    user.apply(this.catalog, password === null ? 'nopass' : `>${password}`);
    this.put(user);
  }

  /** Puts a user in the place of the one with its name. */
  put(user: AclUser): void {
    this.table.set(user.name, user);
  }

  /** Puts a table in the place of this one; without a default user, that begins anew. */
  replaceAll(users: UserTable): void {
    this.table = new Map(users);
    if (!this.table.has(DEFAULT_USER)) this.table.set(DEFAULT_USER, this.createDefaultUser());
  }

  /** The user whose password this is, when it may log in. */
  authenticate(name: string, password: string): AclUser | null {
    const user = this.table.get(name);
    if (user === undefined || !user.enabled) return null;
    return user.noPassword || matchesPassword(user.passwords, password) ? user : null;
  }
}
