/** A client's state as the engine keeps it; net/ adds the connection it comes through. */
import type { Session } from '../commands/contract/session.js';
import { REPLY_ON } from '../commands/contract/session.js';
import type { Permissions } from './acl/permissions.js';
import type { AclUser } from './acl/user.js';
import type { ClientSubscriptions } from './pubsub/client-subscriptions.js';
import type { TrackingState } from './tracking/tracking-state.js';
import type { TransactionQueue } from './transaction-queue.js';
import type { WatchedKey } from './transactions.js';

/** What goes along when a client moves to another thread: everything that outlives a command. */
export interface SessionState {
  readonly id: number;
  readonly address: string;
  readonly localAddress: string;
  readonly createdMs: number;
  readonly lastInteractionMs: number;
  readonly database: number;
  readonly protocol: 2 | 3;
  readonly authenticated: boolean;
  readonly isLoggedIn: boolean;
  readonly replyMode: number;
  readonly name: string;
  readonly user: string;
  /** Of its user (AclUser). */
  readonly userBorn: number;
  readonly libraryName: string;
  readonly libraryVersion: string;
  readonly noEvict: boolean;
  readonly noTouch: boolean;
  readonly lastCommand: number;
  readonly putOffSinceMs: number;
}

export class ClientSession implements Session {
  database = 0;
  protocol: 2 | 3 = 2;
  /** Whether it is logged in, or need not be: the default user has no password now. */
  authenticated = false;
  /** It has logged in, or there was no password when it came. */
  isLoggedIn = false;
  closeAfterReply = false;
  /** As net/runner.ts has it: 0 for ordinary clients, 1 for those that have subscribed. */
  outputClass = 0;
  replyMode = REPLY_ON;
  inMulti = false;
  multiAborted = false;
  isReplica = false;
  /** When back-pressure first put off the client's write; 0 when it does not. */
  putOffSinceMs = 0;
  /** Answers BUSY since it last got several locks together, or slept for a single one. */
  busyInRow = 0;
  /** The one shard for which its last command was put off; -1 when it was not. */
  takenShard = -1;
  /** Its thread is the home of a shard that it often wants: it does not go where there is less to do. */
  isAtHome = false;
  /** Its script is to begin with the order lock, as it has to start over. */
  isScriptOrdered = false;
  /** This thread keeps state for the client, so it cannot move. */
  isPinned = false;
  /** The control connection of a replica of ours. */
  isReplicaClient = false;
  name = '';
  user = 'default';
  /** The user as the session has seen it last; null in a session of the server's own. */
  account: AclUser | null = null;
  /** What the user may do; null: everything. */
  permissions: Permissions | null = null;
  libraryName = '';
  libraryVersion = '';
  noEvict = false;
  noTouch = false;
  lastInteractionMs: number;
  /** Index in the registry of the last command, -1 before the first. */
  lastCommand = -1;
  /** While the client waits for a suspended command. */
  suspended = false;
  /** Grows with every suspension, so that a late `resume` of an older one is ignored. */
  suspensions = 0;
  cancelSuspension: ((reason: 'closed' | 'unblock' | 'unblock-error') => void) | null = null;
  queue: TransactionQueue | null = null;
  /** Null for clients that are subscribed to nothing. */
  subscriptions: ClientSubscriptions | null = null;
  /** Null for clients that do not track what they read. */
  tracking: TrackingState | null = null;
  watched: WatchedKey[] = [];

  /**
   * @param id process-wide number of the client
   * @param connection slot of the transport
   * @param loggedInAtFirst gives the session the user of one that has not logged in; whether no
   *   password is asked for
   */
  constructor(
    readonly id: number,
    public connection: number,
    readonly address: string,
    readonly localAddress: string,
    readonly createdMs: number,
    private readonly loggedInAtFirst: (session: ClientSession) => boolean,
  ) {
    this.lastInteractionMs = createdMs;
    this.isLoggedIn = loggedInAtFirst(this);
    this.authenticated = this.isLoggedIn;
  }

  get isSubscribed(): boolean {
    return this.subscriptions !== null && this.subscriptions.count > 0;
  }

  /** It gets what MONITOR shows. */
  get isMonitor(): boolean {
    return this.subscriptions?.isMonitor ?? false;
  }

  /** Bytes of the commands queued since MULTI. */
  get queuedBytes(): number {
    return this.queue === null ? 0 : this.queue.bytes;
  }

  /**
   * Whether the client can move to another thread: only its connection refers to it here. A
   * feature that keeps something for a client on its thread must be named here.
   */
  get isMovable(): boolean {
    if (this.inMulti || this.watched.length > 0 || this.isPinned) return false;
    if (this.subscriptions !== null || this.tracking !== null) return false;
    return !this.suspended && !this.closeAfterReply;
  }

  get state(): SessionState {
    return {
      id: this.id,
      address: this.address,
      localAddress: this.localAddress,
      createdMs: this.createdMs,
      lastInteractionMs: this.lastInteractionMs,
      database: this.database,
      protocol: this.protocol,
      authenticated: this.authenticated,
      isLoggedIn: this.isLoggedIn,
      replyMode: this.replyMode,
      name: this.name,
      user: this.user,
      userBorn: this.account?.born ?? 0,
      libraryName: this.libraryName,
      libraryVersion: this.libraryVersion,
      noEvict: this.noEvict,
      noTouch: this.noTouch,
      lastCommand: this.lastCommand,
      putOffSinceMs: this.putOffSinceMs,
    };
  }

  /** The session of a client that comes from another thread; its account is still to be found. */
  static fromState(
    state: SessionState,
    connection: number,
    loggedInAtFirst: (session: ClientSession) => boolean,
  ): ClientSession {
    const { id, address, localAddress, createdMs, userBorn: _, ...changing } = state;
    const session = new ClientSession(
      id,
      connection,
      address,
      localAddress,
      createdMs,
      loggedInAtFirst,
    );
    return Object.assign(session, changing);
  }

  reset(): void {
    this.database = 0;
    this.protocol = 2;
    this.replyMode = REPLY_ON;
    this.inMulti = false;
    this.multiAborted = false;
    this.name = '';
    this.noEvict = false;
    this.noTouch = false;
    this.isLoggedIn = this.loggedInAtFirst(this);
    this.authenticated = this.isLoggedIn;
    this.queue?.clear();
  }
}
