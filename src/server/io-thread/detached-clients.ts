/**
 * Clients whose connections are not served by an I/O thread: a Redis that follows this server, and the
 * server that this one follows. To Redis both are clients, so CLIENT LIST shows them, and CLIENT KILL, or
 * the end of their user, ends them.
 *
 *   PSYNC ── the socket leaves ──▶ here, with the session that it had ── 'close-client' ──▶ gone
 *   the link's status ──▶ here, on the first thread
 *
 * A replica stays with the thread that it came to. Of the primary there is a client while the link is up.
 * A Darter that follows is an ordinary client here (its control connection), besides its flows.
 */
import { ClientSession } from '../../engine/session.js';
import { SUM_HAS_SPOKEN, SUM_WAITING_BYTES } from '../../replication/primary/sync-session.js';
import type { RedisProgress } from '../../replication/redis/progress.js';
import type { SyncProgress } from '../../replication/replica/sync-progress.js';
import type { LinkClient, ReplicationNotice, ReplicationStatus } from '../channel/replication.js';
import { SUM_ACKNOWLEDGED_MS, SUM_RECEIVED_MS } from '../channel/replication-figures.js';
import { type ClientSizes, SESSION_BYTES } from './client-memory.js';
import type { ClientDetails } from './clients.js';
import { isUnixSocket } from './thread-clients.js';
import type { KnownReplica } from './thread-replication.js';

/** The thread that tells of the primary. */
const TELLING_THREAD = 0;
/** The user of the primary in CLIENT LIST, as in Redis: it may do everything. */
const PRIMARY_USER = '(superuser)';
const REPLCONF = 'replconf';

/** What is known of the links. */
export interface LinksView {
  readonly replicas: readonly KnownReplica[];
  readonly status: ReplicationStatus;
  readonly progress: SyncProgress | null;
  readonly redis: RedisProgress | null;
}

export interface DetachedClientsParts {
  readonly thread: number;
  readonly notify: (notice: ReplicationNotice) => void;
  readonly replication: LinksView;
}

interface DetachedReplica {
  readonly session: ClientSession;
  readonly descriptor: number;
}

export class DetachedClients {
  private readonly replicas = new Map<number, DetachedReplica>();
  private primary: { readonly link: LinkClient; readonly session: ClientSession } | null = null;

  constructor(private readonly parts: DetachedClientsParts) {}

  get sessions(): ClientSession[] {
    const sessions: ClientSession[] = [];
    for (const { session } of this.replicas.values()) {
      if (this.figuresOf(session) !== undefined) sessions.push(session);
    }
    const primary = this.primarySession();
    return primary === null ? sessions : [...sessions, primary];
  }

  /** A client's socket has left the thread; it is a replica from now on. */
  add(session: ClientSession, descriptor: number): void {
    this.replicas.set(session.id, { session, descriptor });
  }

  /** The replica has gone. */
  remove(clientId: number): void {
    this.replicas.delete(clientId);
  }

  /** Ends the connection. @returns false for a client that is none of these */
  end(session: ClientSession, why: string): boolean {
    const isPrimary = this.primary?.session === session;
    const isReplica = this.replicas.delete(session.id);
    if (!isPrimary && !isReplica) return false;
    this.parts.notify({ kind: 'killed', clientId: session.id, why });
    return true;
  }

  /** @returns null for a client that is none of these */
  details(session: ClientSession, commandName: (index: number) => string): ClientDetails | null {
    if (this.primary?.session === session) return this.primaryDetails(session, commandName);
    const replica = this.replicas.get(session.id);
    const sums = this.figuresOf(session);
    if (replica === undefined || sums === undefined) return null;
    const name = commandName(session.lastCommand);
    return {
      ...this.common(session, sums[SUM_WAITING_BYTES]!),
      type: 'replica',
      descriptor: replica.descriptor,
      lastCommand: sums[SUM_HAS_SPOKEN] === 1 ? REPLCONF : name,
    };
  }

  /** Null when the main thread has told of its end already. */
  private figuresOf(session: ClientSession): Float64Array | undefined {
    const known = this.parts.replication.replicas.find(({ clientId }) => clientId === session.id);
    const sums = known?.session.sums;
    if (sums !== undefined) session.lastInteractionMs = sums[SUM_ACKNOWLEDGED_MS]!;
    return sums;
  }

  private primarySession(): ClientSession | null {
    const { thread, replication } = this.parts;
    const link = replication.status.link?.client ?? null;
    if (thread !== TELLING_THREAD || link === null) {
      this.primary = null;
      return null;
    }
    if (this.primary?.link.id !== link.id) this.primary = { link, session: sessionOf(link) };
    const { session } = this.primary;
    const { redis, progress } = replication;
    session.database = redis?.database ?? 0;
    session.lastInteractionMs = Math.max(
      link.sinceMs,
      redis?.receivedMs ?? progress?.sums[SUM_RECEIVED_MS] ?? 0,
    );
    return session;
  }

  private primaryDetails(
    session: ClientSession,
    commandName: (index: number) => string,
  ): ClientDetails {
    const { redis } = this.parts.replication;
    return {
      ...this.common(session, 0),
      type: 'master',
      descriptor: -1,
      // What a Darter sends on its flows are no commands.
      lastCommand: commandName(redis?.lastCommand ?? -1),
    };
  }

  private common(
    session: ClientSession,
    outputBytes: number,
  ): Omit<ClientDetails, 'type' | 'descriptor' | 'lastCommand'> {
    return {
      thread: this.parts.thread,
      queuedCommands: -1,
      watchBroken: false,
      isMonitor: false,
      suspended: false,
      unixSocket: isUnixSocket(session.address),
      channels: 0,
      patterns: 0,
      shardChannels: 0,
      sizes: sizesWith(outputBytes),
    };
  }
}

function sessionOf({ id, address, localAddress, sinceMs }: LinkClient): ClientSession {
  const session = new ClientSession(id, -1, address, localAddress, sinceMs, () => true);
  session.user = PRIMARY_USER;
  return session;
}

function sizesWith(output: number): ClientSizes {
  const total = SESSION_BYTES + output;
  return { query: 0, queryFree: 0, arguments: 0, queued: 0, output, total };
}
