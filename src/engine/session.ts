/** A client's state as the engine keeps it; net/ adds the connection it comes through. */
import type { Session } from '../commands/contract/session.js';
import { REPLY_ON } from '../commands/contract/session.js';
import type { TransactionQueue } from './transaction-queue.js';
import type { WatchedKey } from './transactions.js';

export class ClientSession implements Session {
  database = 0;
  protocol: 2 | 3 = 2;
  authenticated = false;
  closeAfterReply = false;
  replyMode = REPLY_ON;
  inMulti = false;
  multiAborted = false;
  isReplica = false;
  name = '';
  user = 'default';
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
  watched: WatchedKey[] = [];

  /**
   * @param id process-wide number of the client
   * @param connection slot of the transport
   * @param authenticatedAtFirst whether no password is asked for
   */
  constructor(
    readonly id: number,
    public connection: number,
    readonly address: string,
    readonly localAddress: string,
    readonly createdMs: number,
    private readonly authenticatedAtFirst: () => boolean,
  ) {
    this.lastInteractionMs = createdMs;
    this.authenticated = authenticatedAtFirst();
  }

  reset(): void {
    this.database = 0;
    this.protocol = 2;
    this.replyMode = REPLY_ON;
    this.inMulti = false;
    this.multiAborted = false;
    this.name = '';
    this.user = 'default';
    this.noEvict = false;
    this.noTouch = false;
    this.authenticated = this.authenticatedAtFirst();
    this.queue?.clear();
  }
}
