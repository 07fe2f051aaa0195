/**
 * This thread's copy of the users, and the users of its sessions. A thread that changes a user puts the
 * change into shared memory; where some thread has, or had, a session of the user, it asks all threads to
 * take the change over, so that connections that it ends are ended before the command is answered:
 *
 *     ACL SETUSER ── change ──▶ shared memory ── question ──▶ every thread: reads, renews its sessions
 *                                    └─ one load before what a client has sent is looked at: reads too
 *
 * Names with sessions are watched (memory/shared-changes.ts) from the first session on and for ever: most
 * users that are made, or changed one after another, never log in.
 *
 * A session keeps the user that it has seen last. Users never change, so another one of the same name
 * tells that there is something to do, and its `born` whether it is the same user still.
 */
import { AllowedChannels, mayLoseChannels } from '../../../engine/acl/channel-changes.js';
import type { AclUser } from '../../../engine/acl/user.js';
import {
  allUsersRecords,
  applyChange,
  sharedTextsOf,
  userIn,
} from '../../../engine/acl/user-changes.js';
import { type AclUsers, DEFAULT_USER } from '../../../engine/acl/users.js';
import type { ClientSession } from '../../../engine/session.js';
import type { ChangeRecord, SharedChanges, TakeOver } from '../../../memory/shared-changes.js';
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
  /** What was taken over may concern sessions. */
  private isSessionWork = false;
  private readonly takeOver: TakeOver = (kind, head, place) => {
    applyChange(this.users, kind, head, place);
    if (!this.isSessionWork) this.isSessionWork = this.concernsSessions(kind, head);
  };

  constructor(private readonly parts: ThreadUsersParts) {
    this.users = parts.users;
    this.users.shared = sharedTextsOf(parts.changes, this.takeOver);
    parts.changes.watch(DEFAULT_USER);
    parts.changes.read(this.takeOver);
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
    this.refresh();
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
    // What was changed before others could see that the name is watched is looked for here.
    if (this.parts.changes.watch(user.name)) this.refresh();
  }

  /** Before what a client has sent is looked at. */
  refresh(): void {
    if (this.parts.changes.isBehind) this.renew();
  }

  /** Takes over what has changed, and gives it to the sessions. */
  renew(): void {
    this.parts.changes.read(this.takeOver);
    if (!this.isSessionWork) return;
    this.isSessionWork = false;
    for (const session of [...this.parts.sessions()]) this.renewSession(session);
  }

  private concernsSessions(kind: number, head: string): boolean {
    const name = userIn(kind, head);
    return name === null || this.parts.changes.isWatched(name);
  }

  /**
   * Changes the users, for all threads.
   *
   * @param edit changes them here. @returns the change's records (user-changes.ts), or null when there is none
   * @returns the error's text, or null
   */
  change(edit: () => readonly ChangeRecord[] | null): string | null {
    const { changes, users, renewAll } = this.parts;
    let records: readonly ChangeRecord[] | null = null;
    try {
      changes.update({
        takeOver: this.takeOver,
        change: (number) => {
          users.beginChange(number);
          records = edit();
          return records;
        },
        replaced: () => users.replacedPlaces(),
        whole: () => allUsersRecords(users),
      });
    } catch (error) {
      users.undoChange();
      if (error instanceof SharedTextFullError) return USERS_FULL_TEXT;
      throw error;
    } finally {
      users.endChange();
    }
    if (this.concernAny(records)) renewAll();
    // What others have changed before, and was taken over with it.
    else if (this.isSessionWork) this.renew();
    return null;
  }

  private concernAny(records: readonly ChangeRecord[] | null): boolean {
    return records?.some(({ kind, head }) => this.concernsSessions(kind, head)) ?? false;
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
