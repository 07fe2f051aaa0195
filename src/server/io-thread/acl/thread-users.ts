/**
 * This thread's copy of the users, and the users of its sessions. A thread that changes a user puts the
 * change into shared memory and then asks all threads to take it over, so that it is in force
 * everywhere, and connections that it ends are ended, before the command is answered:
 *
 *     ACL SETUSER ── change ──▶ shared memory ── question ──▶ every thread: reads, renews its sessions
 *                                    └─ one load at the beginning of every turn: reads, renews too
 *
 * A session keeps the user that it has seen last. Users never change, so another one of the same name
 * tells that there is something to do, and its `born` whether it is the same user still.
 */
import { AllowedChannels, mayLoseChannels } from '../../../engine/acl/channel-changes.js';
import type { AclUser } from '../../../engine/acl/user.js';
import { allUsersTexts, applyChange, sharedTextsOf } from '../../../engine/acl/user-changes.js';
import type { AclUsers } from '../../../engine/acl/users.js';
import type { ClientSession } from '../../../engine/session.js';
import type { SharedChanges } from '../../../memory/shared-changes.js';
import { SharedTextFullError } from '../../../memory/shared-text.js';
import { USERS_FULL_TEXT } from '../../channel/users.js';

/** A channel that a client is subscribed to, or a pattern; one char a byte. */
export interface Subscription {
  readonly name: string;
  readonly isPattern: boolean;
}

export interface ThreadUsersParts {
  readonly users: AclUsers;
  readonly changes: SharedChanges;
  /** The clients of this thread. */
  readonly sessions: () => Iterable<ClientSession>;
  /** Ends a connection; the one whose command is under way after its reply. */
  readonly close: (session: ClientSession) => void;
  /** What a client is subscribed to. */
  readonly subscriptions: (session: ClientSession) => Iterable<Subscription>;
  /** Has all threads, this one included, call `renew`. */
  readonly renewAll: () => void;
}

export class ThreadUsers {
  readonly users: AclUsers;

  constructor(private readonly parts: ThreadUsersParts) {
    this.users = parts.users;
    // Whoever has moved the texts asks for all sessions to be renewed; here it is only about a text.
    this.users.shared = sharedTextsOf(this.users, parts.changes);
    this.takeOver();
  }

  /** The default user has no password. */
  get isOpen(): boolean {
    return this.users.defaultUser.noPassword;
  }

  /** Clients need not log in. */
  private get asksNothing(): boolean {
    const { noPassword, enabled } = this.users.defaultUser;
    return noPassword && enabled;
  }

  /** Gives a session the default user. @returns whether it is logged in with that */
  beginSession(session: ClientSession): boolean {
    this.login(session, this.users.defaultUser);
    return this.asksNothing;
  }

  /** A client comes from another thread. @returns false when its user is no more */
  arrived(session: ClientSession, name: string, born: number): boolean {
    const user = this.users.get(name);
    if (user === undefined || user.born !== born) {
      session.isLoggedIn = false;
      session.authenticated = false;
      return false;
    }
    this.login(session, user);
    session.authenticated = session.isLoggedIn || this.asksNothing;
    return true;
  }

  login(session: ClientSession, user: AclUser): void {
    const permissions = this.users.permissionsOf(user);
    session.account = user;
    session.user = user.name;
    session.permissions = permissions.isUnrestricted ? null : permissions;
  }

  /** Once a turn. */
  refresh(): void {
    if (this.parts.changes.isBehind) this.renew();
  }

  /** Takes over what has changed, and gives it to the sessions. */
  renew(): void {
    this.takeOver();
    for (const session of [...this.parts.sessions()]) this.renewSession(session);
  }

  /**
   * Changes the users, for all threads.
   *
   * @param edit changes them here. @returns the change's texts (user-changes.ts), or null when there is none
   * @returns the error's text, or null
   */
  change(edit: () => readonly string[] | null): string | null {
    const { changes, users, renewAll } = this.parts;
    let hasChanged = false;
    try {
      changes.update({
        takeOver: (text, place) => applyChange(users, text, place),
        change: (number) => {
          users.changeNumber = number;
          const texts = edit();
          hasChanged = texts !== null;
          return texts;
        },
        whole: () => allUsersTexts(users),
      });
    } catch (error) {
      // What was changed here goes again.
      changes.reread((text, place) => applyChange(users, text, place));
      if (error instanceof SharedTextFullError) return USERS_FULL_TEXT;
      throw error;
    }
    if (hasChanged) renewAll();
    return null;
  }

  private takeOver(): void {
    this.parts.changes.read((text, place) => applyChange(this.users, text, place));
  }

  private renewSession(session: ClientSession): void {
    const before = session.account;
    if (before === null) return;
    const user = this.users.isCurrent(before) ? before : this.users.get(before.name);
    if (user === undefined || user.born !== before.born) {
      this.end(session);
      return;
    }
    session.authenticated = session.isLoggedIn || this.asksNothing;
    if (user === before) return;
    this.login(session, user);
    if (mayLoseChannels(before, user) && this.hasForbidden(session, user))
      this.parts.close(session);
  }

  /** Its user is no more: until the connection has closed, it is nobody's. */
  private end(session: ClientSession): void {
    this.login(session, this.users.defaultUser);
    session.isLoggedIn = false;
    session.authenticated = false;
    this.parts.close(session);
  }

  private hasForbidden(session: ClientSession, user: AclUser): boolean {
    let allowed: AllowedChannels | null = null;
    for (const { name, isPattern } of this.parts.subscriptions(session)) {
      allowed ??= new AllowedChannels(user);
      if (!(isPattern ? allowed.allowsPattern(name) : allowed.allowsChannel(name))) return true;
    }
    return false;
  }
}
