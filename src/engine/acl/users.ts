/**
 * All users. A user never changes: a rule makes a new one that takes its place, so that a session may
 * keep the one it has and see by comparison that there is another.
 *
 * Most users are asked for rarely. What is kept of each is its text (user-text.ts), or where that lies
 * in memory that all threads share; it is read when somebody asks for the user, and only the users
 * that were asked for lately are kept as objects, with what is compiled of them.
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
import { type AclDefaults, AclUser } from './user.js';
import { userFromText, userText } from './user-text.js';
import { hasBlanks, joinSelectors } from './words.js';

export const DEFAULT_USER = 'default';

/** A session keeps its user itself; this many others are kept for those who ask again. */
const KNOWN_USERS_MAX = 1024;

/** Where texts of users lie that threads share. */
export interface SharedUserTexts {
  /** The text at a place, or null: it has moved, and `catchUp` tells where to. */
  at(place: number): string | null;
  catchUp(): void;
}

/** A user's text, or its place among the shared ones. */
type Entry = string | number;

export class AclUsers {
  /** What users that are made now are born with: another number for every change of the table. */
  changeNumber = 1;
  /** For the entries that are places. */
  shared: SharedUserTexts | null = null;
  /** While a change is made here: what it has replaced, in order. */
  private replaced: [name: string, entry: Entry | undefined][] | null = null;
  private table = new Map<string, Entry>();
  /** Users that were asked for. */
  private readonly known = new Map<string, AclUser>();
  /** The entry that each of them was made of. */
  private readonly entryOf = new WeakMap<AclUser, Entry>();
  private readonly compiled = new WeakMap<AclUser, Permissions>();

  constructor(
    readonly catalog: AclCatalog,
    readonly defaults: AclDefaults,
  ) {
    this.put(this.createDefaultUser());
  }

  get count(): number {
    return this.table.size;
  }

  has(name: string): boolean {
    return this.table.has(name);
  }

  get(name: string): AclUser | undefined {
    const known = this.known.get(name);
    if (known !== undefined && this.isCurrent(known)) return known;
    const user = this.read(name);
    if (user !== undefined) this.keep(user);
    return user;
  }

  /** Whether a user that was got earlier has not changed since. */
  isCurrent(user: AclUser): boolean {
    const entry = this.entryOf.get(user);
    return entry !== undefined && this.table.get(user.name) === entry;
  }

  get defaultUser(): AclUser {
    return this.get(DEFAULT_USER)!;
  }

  /** A user's text, wherever it lies. */
  textOf(name: string): string | undefined {
    for (;;) {
      const entry = this.table.get(name);
      if (typeof entry !== 'number') return entry;
      const text = this.shared!.at(entry);
      if (text !== null) return text;
      this.shared!.catchUp();
    }
  }

  *texts(): Iterable<readonly [name: string, text: string]> {
    for (const name of [...this.table.keys()]) yield [name, this.textOf(name)!];
  }

  /** In the order of their bytes. */
  names(): string[] {
    return [...this.table.keys()].sort();
  }

  /** The lines of ACL LIST for a client, of ACL SAVE and CONFIG REWRITE for a file. */
  lines(audience: Audience): string[] {
    const lines: string[] = [];
    for (const name of this.names()) {
      const user = this.read(name);
      if (user !== undefined) lines.push(describeUserLine(this.catalog, user, audience));
    }
    return lines;
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

  /** A user of the table that the caller may change: nobody else has it. */
  private read(name: string): AclUser | undefined {
    const text = this.textOf(name);
    if (text === undefined) return undefined;
    const user = userFromText(name, text, this.catalog, this.defaults);
    this.entryOf.set(user, this.table.get(name)!);
    return user;
  }

  private keep(user: AclUser): void {
    if (this.known.size >= KNOWN_USERS_MAX) this.known.clear();
    this.known.set(user.name, user);
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
    const user = this.read(name) ?? this.createUser(name);
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
    return names.filter((name) => {
      this.noteReplaced(name);
      return this.table.delete(name);
    });
  }

  /** requirepass: the default user's only password, or none at all. */
  setDefaultPassword(password: string | null): void {
    const user = this.read(DEFAULT_USER)!;
    user.apply(this.catalog, 'resetpass');
    user.apply(this.catalog, password === null ? 'nopass' : `>${password}`);
    this.put(user);
  }

  /** Puts a user in the place of the one with its name. */
  put(user: AclUser): void {
    this.noteReplaced(user.name);
    this.table.set(user.name, userText(user));
  }

  /** A change begins, which can be undone. @param number users that are made in it are born with it */
  beginChange(number: number): void {
    this.changeNumber = number;
    this.replaced = [];
  }

  /** Places of the texts that the change has taken from the table. */
  *replacedPlaces(): Iterable<number> {
    for (const [, entry] of this.replaced ?? []) if (typeof entry === 'number') yield entry;
  }

  undoChange(): void {
    for (const [name, entry] of this.replaced?.reverse() ?? []) {
      if (entry === undefined) this.table.delete(name);
      else this.table.set(name, entry);
    }
  }

  endChange(): void {
    this.replaced = null;
  }

  private noteReplaced(name: string): void {
    this.replaced?.push([name, this.table.get(name)]);
  }

  /** The same for one whose text lies among the shared ones. */
  putPlace(name: string, place: number): void {
    this.table.set(name, place);
  }

  /** No users, until all are put anew. */
  clear(): void {
    if (this.replaced !== null) for (const name of this.table.keys()) this.noteReplaced(name);
    this.table = new Map();
    this.known.clear();
  }

  /** Puts texts by name in the place of all users; without a default user, that begins anew. */
  replaceAll(texts: ReadonlyMap<string, string>): void {
    this.clear();
    for (const [name, text] of texts) {
      this.noteReplaced(name);
      this.table.set(name, text);
    }
    if (!this.table.has(DEFAULT_USER)) this.put(this.createDefaultUser());
  }

  /** The user whose password this is, when it may log in. */
  authenticate(name: string, password: string): AclUser | null {
    const user = this.get(name);
    if (user === undefined || !user.enabled) return null;
    return user.noPassword || matchesPassword(user.passwords, password) ? user : null;
  }
}
