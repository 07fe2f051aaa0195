/**
 * The clients of one I/O thread: which may connect, which thread serves them, and which have been
 * idle for too long.
 */

import { CLIENT_IDS } from '../../engine/counters.js';
import { ClientSession, type SessionState } from '../../engine/session.js';
import type { ControlBlock } from '../../memory/control.js';
import {
  CONNECTED_CLIENTS,
  CONNECTIONS,
  HANDED_OVER,
  REJECTED_CONNECTIONS,
} from '../../net/counters.js';
import { NOWHERE } from '../../net/handover.js';
import type { Transport } from '../../platform/transport.js';
import * as errors from '../../protocol/errors.js';
import type { ThreadFigures } from '../channel/main-io.js';
import type { ThreadUsers } from './acl/thread-users.js';
import { lighten } from './placement.js';
import type { ThreadSettings } from './settings.js';

/** Clients on a Unix socket show its path, with port 0. */
export function isUnixSocket(address: string): boolean {
  return address.endsWith(':0');
}

/** Whether a client's 'address:port' is of this machine. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address.startsWith('[::1]') || isUnixSocket(address);
}

export class ThreadClients {
  readonly sessions = new Map<number, ClientSession>();
  /** New clients that another thread handed over, and that the transport is about to report. */
  private adopted = 0;

  constructor(
    private readonly thread: number,
    private readonly transport: Transport,
    private readonly control: ControlBlock,
    private readonly figures: Pick<ThreadFigures, 'connections' | 'inUse'>,
    private readonly settings: ThreadSettings,
    private readonly users: ThreadUsers,
  ) {}

  get all(): Iterable<ClientSession> {
    return this.sessions.values();
  }

  /** A new client comes from another thread: `admit` follows before any client accepted here. */
  expectAdopted(): void {
    this.adopted++;
  }

  /** A session for a new connection, or the error it gets before it is closed. */
  admit(slot: number, nowMs: number): ClientSession | string {
    const { control } = this;
    const statistics = control.threads[this.thread]!;
    const address = this.transport.peerName(slot);
    const local = this.transport.localName(slot);
    const refusal = this.refusal(address);
    this.noteAdopted();
    if (refusal !== null) {
      statistics.add(REJECTED_CONNECTIONS, 1);
      return refusal;
    }
    statistics.add(CONNECTIONS, 1);
    const session = new ClientSession(
      control.next(CLIENT_IDS) + 1,
      slot,
      address,
      local,
      nowMs,
      (session) => this.users.beginSession(session),
    );
    this.keep(session);
    return session;
  }

  private keep(session: ClientSession): void {
    this.sessions.set(session.id, session);
    this.figures.connections[this.thread] = this.sessions.size;
  }

  /** A client comes from another thread, its connection follows. It was counted when it came in. */
  arrived(state: SessionState): ClientSession {
    const session = ClientSession.fromState(state, NOWHERE, (one) => this.users.beginSession(one));
    // While it was on its way its user may have been removed.
    if (!this.users.arrived(session, state.user, state.userBorn)) session.closeAfterReply = true;
    this.keep(session);
    return session;
  }

  /** A client has moved to another thread. */
  left(session: ClientSession): void {
    this.sessions.delete(session.id);
    this.figures.connections[this.thread] = this.sessions.size;
  }

  /** Whether a client accepted now would be one too many. */
  get isFull(): boolean {
    const { control, settings } = this;
    const clients = control.word(CONNECTED_CLIENTS).load() + control.word(HANDED_OVER).load();
    return clients >= settings.maxClients;
  }

  /** It counts as a client now, so it no longer counts as being handed over. */
  private noteAdopted(): void {
    if (this.adopted === 0) return;
    this.adopted--;
    this.control.word(HANDED_OVER).add(-1);
  }

  /** Counts a client first, as other threads admit clients too. */
  private takePlace(): boolean {
    const clients = this.control.word(CONNECTED_CLIENTS);
    // Clients being handed over are counted already; this one may be one of them.
    const onTheirWay = this.control.word(HANDED_OVER).load() - (this.adopted > 0 ? 1 : 0);
    if (clients.add(1) + onTheirWay <= this.settings.maxClients) return true;
    clients.add(-1);
    return false;
  }

  private refusal(address: string): string | null {
    const { settings } = this;
    const open = settings.protectedMode && this.users.isOpen;
    if (!this.takePlace()) return errors.MAX_CLIENTS.text;
    if (!open || isLoopback(address)) return null;
    this.control.word(CONNECTED_CLIENTS).add(-1);
    return errors.PROTECTED_MODE.text;
  }

  released(session: ClientSession): void {
    if (!this.sessions.delete(session.id)) return;
    const { inUse } = this.figures;
    inUse[this.thread] = lighten(inUse[this.thread]!, this.sessions.size + 1);
    this.figures.connections[this.thread] = this.sessions.size;
    this.control.word(CONNECTED_CLIENTS).add(-1);
  }

  /** Sessions that have been idle longer than the timeout directive allows. */
  idle(nowMs: number): ClientSession[] {
    const limit = this.settings.idleTimeoutMs;
    if (limit === 0) return [];
    return [...this.sessions.values()].filter(
      (session) =>
        !session.isReplicaClient &&
        !session.suspended &&
        session.subscriptions === null &&
        nowMs - session.lastInteractionMs > limit,
    );
  }
}
