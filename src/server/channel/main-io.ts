/**
 * Between the main thread and the I/O threads: what a thread gets at its start, and every message of
 * both directions. An I/O thread polls its port, as it never returns to its event loop; the sender
 * wakes its transport.
 */
import type { MessagePort } from 'node:worker_threads';
import type { MigrationOutcome, MigrationRequest } from '../../commands/contract/migration-port.js';
import type { ShutdownRequest } from '../../commands/contract/server-port.js';
import type { ContainerLimits } from '../../platform/container.js';
import type { TransportName } from '../../platform/transport.js';
import type { Peer } from './gather.js';
import type { HandedOver } from './hand-overs.js';
import type { MailboxMemory } from './mailboxes.js';
import type { PersistenceAnswer, PersistenceRequest } from './persistence.js';
import type {
  ReplicationAnswer,
  ReplicationNotice,
  ReplicationRequest,
  ReplicationStatus,
} from './replication.js';
import type { ThreadReport } from './thread-report.js';

/** What is known of the process from its start. */
export interface ServerFacts {
  /** 40 hexadecimal digits, new with every start. */
  readonly runId: string;
  readonly startedMs: number;
  /** 'uring', 'epoll' or 'portable'. */
  readonly transport: string;
  readonly ioThreads: number;
  readonly executable: string;
  /** '' without one. */
  readonly configFile: string;
  /** 'systemd', 'upstart' or 'no'. */
  readonly supervised: string;
}

/** What the I/O threads know of each other, in shared memory. Each writes its own place. */
export interface ThreadFigures {
  /** By thread: how many connections it serves. */
  readonly connections: Int32Array;
  /** By thread: its share of wall time in use in the last period, in thousandths. */
  readonly inUse: Int32Array;
  /** By thread: its share of it on a core. */
  readonly atWork: Int32Array;
  /** By thread: its share of it with the order lock: no other thread runs such a script meanwhile. */
  readonly inOrder: Int32Array;
  /** By shard: the thread that serves its clients (hot-shards.ts). */
  readonly homes: Int32Array;
  /** Of a SpreadVerdicts. */
  readonly recalls: Int32Array;
  readonly holds: Float64Array;
}

/** How the process's descriptors are shared out. */
export interface DescriptorShare {
  /** Kept for what is no client. */
  readonly reserved: number;
  /** What a client takes at most. */
  readonly perClient: number;
  /** Clients are accepted one at a time, so that the reserve is never touched. */
  readonly acceptSingly: boolean;
}

/** What threads share of scripts. */
export interface ScriptingBuffers {
  /** Of a SharedRecords: sources by SHA1. */
  readonly records: SharedArrayBuffer;
  /** Of a SharedText: the libraries of functions. */
  readonly libraries: SharedArrayBuffer;
  /** Of a SharedStates. */
  readonly states: SharedArrayBuffer;
}

export interface IoThreadData {
  /** From 0; thread 0 also listens on the unix socket. */
  readonly thread: number;
  /** I/O threads. */
  readonly threads: number;
  readonly shardBuffers: readonly SharedArrayBuffer[];
  /** The shards' journals. */
  readonly ringBuffers: readonly SharedArrayBuffer[];
  /** Of a NewestCut. */
  readonly cutsBuffer: SharedArrayBuffer;
  /** Of DurableLsns. */
  readonly durableBuffer: SharedArrayBuffer;
  readonly replication: ReplicationStatus;
  readonly controlBuffer: SharedArrayBuffer;
  readonly configBuffer: SharedArrayBuffer;
  readonly mailboxes: MailboxMemory;
  readonly scripting: ScriptingBuffers;
  /** Which threads have subscribers of what (engine/pubsub/directory.ts). */
  readonly subscriptionsBuffer: SharedArrayBuffer;
  /** Of a SharedText: keyspace/tracked-prefixes.ts. */
  readonly prefixesBuffer: SharedArrayBuffer;
  /** By thread: the number that wakes its transport. */
  readonly wakers: Int32Array;
  readonly figures: ThreadFigures;
  /** By thread: grows while it takes turns (thread-beats.ts). */
  readonly beats: Int32Array;
  /** Of Offers: the I/O threads', and the main thread's behind them. */
  readonly offersBuffer: SharedArrayBuffer;
  /** Of SharedListeners. */
  readonly listenersBuffer: SharedArrayBuffer;
  /** Of the users (SharedChanges). */
  readonly usersBuffer: SharedArrayBuffer;
  /** What rename-command says: new names of commands by their own. */
  readonly renames: ReadonlyMap<string, string>;
  readonly databases: number;
  readonly facts: Omit<ServerFacts, 'transport'>;
  /** What the process is granted. */
  readonly container: ContainerLimits;
  readonly descriptors: DescriptorShare;
  /** Whether the system chooses the TCP port, instead of the directive. */
  readonly anyPort: boolean;
  readonly peers: readonly Peer[];
  readonly main: MessagePort;
}

export type IoToMain =
  /** `port` is that of TCP, 0 without one. */
  | { readonly kind: 'listening'; readonly transport: TransportName; readonly port: number }
  | { readonly kind: 'information'; readonly id: number; readonly text: string }
  /** `code` is the error's, '' without one: it does not come along with the error. */
  | { readonly kind: 'failed'; readonly error: Error; readonly code: string }
  | { readonly kind: 'log'; readonly line: string }
  /** The requests of a thread are numbered from 1. */
  | {
      readonly kind: 'shutdown';
      readonly thread: number;
      readonly number: number;
      readonly request: ShutdownRequest;
    }
  | {
      readonly kind: 'replication-request';
      readonly thread: number;
      readonly id: number;
      readonly request: ReplicationRequest;
    }
  | {
      readonly kind: 'persistence-request';
      readonly thread: number;
      readonly id: number;
      readonly request: PersistenceRequest;
    }
  | {
      readonly kind: 'migrate';
      readonly thread: number;
      readonly id: number;
      readonly request: MigrationRequest;
    }
  /** Answered by 'settled' when the configuration is in force on the main thread and on TLS threads. */
  | { readonly kind: 'settle'; readonly thread: number; readonly id: number }
  | { readonly kind: 'report'; readonly number: number; readonly report: ThreadReport }
  | { readonly kind: 'replication-notice'; readonly notice: ReplicationNotice }
  | { readonly kind: 'status-taken'; readonly thread: number; readonly number: number };

export type MainToIo =
  /** All threads listen: clients may be served. */
  | { readonly kind: 'serve' }
  | { readonly kind: 'stop' }
  /** Answered by 'report', also while a script runs. */
  | { readonly kind: 'report'; readonly number: number; readonly withFigures: boolean }
  /** @see ThreadShutdown. By thread: up to which of its requests. */
  | {
      readonly kind: 'shutdown-failed';
      readonly text: string;
      readonly upTo: readonly number[];
    }
  | {
      readonly kind: 'replication-answer';
      readonly id: number;
      readonly answer: ReplicationAnswer;
    }
  | {
      readonly kind: 'persistence-answer';
      readonly id: number;
      readonly answer: PersistenceAnswer;
    }
  | { readonly kind: 'settled'; readonly id: number }
  | { readonly kind: 'migrated'; readonly id: number; readonly outcome: MigrationOutcome }
  /** Confirmed by 'status-taken', once it is in force on the thread. */
  | {
      readonly kind: 'replication-status';
      readonly number: number;
      readonly status: ReplicationStatus;
    }
  | { readonly kind: 'close-client'; readonly clientId: number }
  /** For LATENCY: something that I/O threads cannot measure took so long. */
  | { readonly kind: 'latency'; readonly event: string; readonly milliseconds: number }
  /** Answered by 'information': INFO's text for these sections. */
  | { readonly kind: 'information'; readonly id: number; readonly sections: readonly string[] }
  /** A connection that a TLS thread decrypts, or one of the console. */
  | ({ readonly kind: 'offer' } & HandedOver);
