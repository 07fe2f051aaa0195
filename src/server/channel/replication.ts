/**
 * What the main thread and the I/O threads say to each other about replication: payloads of the
 * messages in main-io.ts.
 *
 *   I/O threads ── requests of commands, sockets that become flows ──▶ main
 *   main ── status (at every change; each confirms), answers ──▶ I/O threads
 *
 * Figures (LSNs, sums) are read from shared memory: rings, SyncSession, SyncProgress.
 */
import type { FailoverOrder, HostAndPort } from '../../commands/contract/replication-port.js';
import type { SocketAddresses } from '../../platform/peer-socket.js';
import type { FailoverState } from '../../replication/roles/contract.js';
import type { RedisSyncRequest } from './main-flow.js';

/** One replica, as INFO and ROLE show it. */
export interface ReplicaStatus {
  /** Process-wide number; `slaveN` counts by their order. */
  readonly id: string;
  readonly clientId: number;
  readonly host: string;
  readonly port: number;
  /** Its SyncSession. */
  readonly session: SharedArrayBuffer;
  /** Whether it is a Redis, or speaks like one. */
  readonly isRedis: boolean;
}

/** The stream that Redises get which follow this server. */
export interface RedisStreamStatus {
  readonly id: string;
  /** Its MergedStreamFigures. */
  readonly figures: SharedArrayBuffer;
}

/** The link to the primary, on a replica. */
export interface LinkStatus extends HostAndPort {
  /** Redis's words: connect, connecting, handshake, sync, connected. */
  readonly state: string;
  readonly up: boolean;
  /** Its SyncProgress once a sync has begun, and the number of the primary's shards. */
  readonly progress: SharedArrayBuffer | null;
  readonly primaryShards: number;
  readonly fullSync: boolean;
  readonly keysTotal: number;
  readonly bytesTotal: number;
  readonly syncStartedMs: number;
  /** Offset of the last cut applied, while there is no progress to read it from. */
  readonly offset: number;
  /** When the link went down, 0 while it is up; -1 when it never was up. */
  readonly downSinceMs: number;
  /** Why the last attempt failed, '' while the link is up. */
  readonly failure: string;
  /** It is to the process that took over from this server, and was not up yet: an order may mean another one. */
  readonly awaitsHeir: boolean;
  /** When the primary is a Redis. */
  readonly redis: RedisLinkStatus | null;
  /** While it is up. */
  readonly client: LinkClient | null;
}

/** The link as a client: CLIENT LIST shows it. */
export interface LinkClient extends SocketAddresses {
  /** A client's number. */
  readonly id: number;
  /** When it was connected. */
  readonly sinceMs: number;
}

export interface RedisLinkStatus {
  /** Its replication id that the data is of, '' before there is any. */
  readonly id: string;
  /** Its RedisProgress. */
  readonly progress: SharedArrayBuffer;
}

/** Of a replica that has not tried to connect yet. */
export const NO_LINK_YET: Omit<LinkStatus, keyof HostAndPort> = {
  state: 'connect',
  up: false,
  progress: null,
  primaryShards: 0,
  fullSync: false,
  keysTotal: 0,
  bytesTotal: 0,
  syncStartedMs: 0,
  offset: 0,
  downSinceMs: -1,
  failure: '',
  awaitsHeir: false,
  redis: null,
  client: null,
};

/** Everything that I/O threads know about replication, besides figures. */
export interface ReplicationStatus {
  /** Writes go to the journal. */
  readonly journaling: boolean;
  /** 0 when it is off. */
  readonly journalSinceMs: number;
  readonly link: LinkStatus | null;
  /** Clients may not see the data: a full sync is under way. */
  readonly loading: boolean;
  readonly replicationId: string;
  readonly secondId: string;
  readonly secondOffset: number;
  readonly replicas: readonly ReplicaStatus[];
  readonly redisStream: RedisStreamStatus | null;
  /** Writes are put off until then, as a takeover is under way; 0 when not. */
  readonly holdWritesUntilMs: number;
  readonly failoverState: FailoverState;
  /** FAILOVER is forced: new writes are refused as on a replica, those that are held wait on. */
  readonly isForced: boolean;
  /** FAILOVER has asked it to take over: this server says that it is its replica, as a Redis does. */
  readonly failoverTarget: HostAndPort | null;
}

export const FIRST_STATUS: Omit<ReplicationStatus, 'replicationId'> = {
  journaling: false,
  journalSinceMs: 0,
  link: null,
  loading: false,
  secondId: '0'.repeat(40),
  secondOffset: -1,
  replicas: [],
  redisStream: null,
  holdWritesUntilMs: 0,
  failoverState: 'no-failover',
  isForced: false,
  failoverTarget: null,
};

/** The client that a request came from. */
export interface RequestingClient {
  readonly thread: number;
  readonly clientId: number;
  /** Without the port. */
  readonly host: string;
  readonly listeningPort: number;
  /** '' when it has not told it. */
  readonly runId: string;
}

export type ReplicationRequest =
  | { readonly kind: 'follow'; readonly primary: HostAndPort | null }
  | { readonly kind: 'sync'; readonly client: RequestingClient; readonly words: readonly string[] }
  /** Answered by the number with which the socket is handed over ('redis-socket'), or an error. */
  | {
      readonly kind: 'redis-sync';
      readonly client: RequestingClient;
      readonly request: RedisSyncRequest;
    }
  | { readonly kind: 'chain' }
  | {
      readonly kind: 'hand-over';
      readonly clientId: number;
      readonly takeover: string;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'demote'; readonly takeover: string; readonly commits: boolean }
  | { readonly kind: 'take-over'; readonly timeoutMs: number }
  | {
      readonly kind: 'asked-to-take-over';
      readonly takeover: string;
      readonly runId: string;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'failover'; readonly order: FailoverOrder }
  | { readonly kind: 'failover-abort' };

export type ReplicationNotice =
  | {
      readonly kind: 'flow';
      readonly syncId: string;
      readonly index: number;
      /** Ours from now on. */
      readonly descriptor: number;
    }
  | {
      readonly kind: 'redis-socket';
      readonly id: string;
      /** Ours from now on. */
      readonly descriptor: number;
    }
  | { readonly kind: 'control-lost'; readonly clientId: number }
  /** A client that is no connection of the thread any more (io-thread/detached-clients.ts). */
  | { readonly kind: 'killed'; readonly clientId: number; readonly why: string };

/** An answer: an error or simple line with its sign, or the elements of an array. */
export type ReplicationAnswer = string | readonly string[];
