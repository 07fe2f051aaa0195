/** What the commands of replication need of the server; wired in server/io-thread/. */
import type { ArgumentVector } from '../../base/arguments.js';
import type { Context } from './context.js';
import type { Session } from './session.js';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export interface ReplicaReport extends HostAndPort {
  /** What it has acknowledged, as the sum of its LSNs. */
  readonly offset: number;
}

export type RoleReport =
  | {
      readonly role: 'master';
      readonly offset: number;
      readonly replicas: readonly ReplicaReport[];
    }
  | {
      readonly role: 'slave';
      readonly host: string;
      readonly port: number;
      /** Redis's words: connect, connecting, handshake, sync, connected. */
      readonly state: string;
      /** -1 before the first sync. */
      readonly offset: number;
    };

/** What a replica says of itself by REPLCONF before it asks for a sync. */
export interface ReplicaDescription {
  readonly listeningPort?: number;
  readonly address?: string;
  readonly runId?: string;
  /** What a Redis says besides: that it takes an RDB of unknown length, and a new id (capa). */
  readonly takesUnknownLength?: boolean;
  readonly takesNewIds?: boolean;
  /** Nothing but an RDB is wanted. */
  readonly rdbOnly?: boolean;
  /** What the RDB is to have: all, the libraries of functions, or neither these nor keys. */
  readonly rdbParts?: 'all' | 'functions' | 'nothing';
}

/** What a FAILOVER wants. */
export interface FailoverOrder {
  /** Null: the first replica that has everything. */
  readonly target: HostAndPort | null;
  /** 0: none. */
  readonly timeoutMs: number;
  /** At the timeout the target takes over with what it has. */
  readonly isForced: boolean;
}

/** Answers a suspended command: writes its reply, on its thread. */
export type Answer = (write: (context: Context) => void) => void;

/** The stream without keys: effects that concern no key, on their way to the replicas. */
export interface KeylessPort {
  /**
   * Appends the words of a command from `first` on, in order with what other threads append. The
   * first word names the kind of effect: see server/flow-thread/keyless-effects.ts, which applies it
   * on the replicas. Nothing is sent on a replica, or while there are none. Not within `change`.
   *
   * @param change runs before, under the stream's lock: what it changes has the order of the effects
   * @throws RangeError, before anything has changed, when the system refuses memory
   */
  append(args: ArgumentVector, first?: number, change?: () => void): void;
}

export interface ReplicationPort {
  readonly keyless: KeylessPort;
  /** Whether this server is a replica. */
  readonly isReplica: boolean;
  role(): RoleReport;
  /** Whether it follows this primary already. */
  follows(primary: HostAndPort): boolean;
  /** Follows a primary, or nobody (null); `answer` is called with OK when that is in force. */
  follow(primary: HostAndPort | null, answer: Answer): void;
  /** Notes what the client says of itself. */
  describe(session: Session, description: ReplicaDescription): void;
  /** REPLCONF ACK from a replica's control connection. */
  acknowledged(session: Session): void;

  /** How many replicas have acknowledged everything written so far. */
  countAcknowledged(): number;
  /** Of how many replicas that is on the disk, in their journals. */
  countDurable(): number;
  /**
   * Waits until that many replicas have, or the time (0: none) is up. `done` gets how many they are, or
   * null when this server has become a replica before.
   * @returns a function that ends the wait, and tells how many they are by then
   */
  wait(replicas: number, timeoutMs: number, done: (count: number | null) => void): () => number;

  /** DARTER SYNC: a replica asks for a sync; the client becomes its control connection. */
  sync(session: Session, words: readonly string[], answer: Answer): void;
  /** DARTER FLOW: the client's socket becomes a flow, and is answered there; `answer` refuses. */
  flow(session: Session, syncId: string, index: number, answer: Answer): void;
  /**
   * PSYNC id offset, or SYNC (null): a Redis wants to follow. Its socket leaves this thread, and is
   * answered elsewhere; `answer` refuses.
   */
  redisSync(
    session: Session,
    place: { readonly id: string; readonly offset: number } | null,
    answer: Answer,
  ): void;
  /** DARTER CHAIN: the run ids of this server, its primary, the primary of that, and so on. */
  chain(answer: Answer): void;

  /** DARTER HANDOVER: a replica of ours wants our role. */
  handOver(session: Session, takeover: string, timeoutMs: number, answer: Answer): void;
  /** DARTER DEMOTE: it has all writes and asks for it, or has given it up. */
  demote(takeover: string, commits: boolean, answer: Answer): void;
  /** REPLTAKEOVER: takes the primary's role. */
  takeOver(timeoutMs: number, answer: Answer): void;
  /** DARTER TAKEOVER: our primary, which has this run id, asks us to take over. */
  askedToTakeOver(takeover: string, runId: string, timeoutMs: number, answer: Answer): void;

  /** Whether this server gives its role away now. */
  readonly isFailingOver: boolean;
  /** Why there can be no such FAILOVER now, or null. */
  failoverRefusal(order: FailoverOrder): string | null;
  failover(order: FailoverOrder, answer: Answer): void;
  failoverAbort(answer: Answer): void;
}
