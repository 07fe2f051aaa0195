/** What the main thread gives an I/O thread at its start: shared memory, ports, its number. */
import type { MessagePort } from 'node:worker_threads';
import type { ShutdownRequest } from '../commands/contract/server-port.js';
import type { TransportName } from '../platform/transport.js';
import type { Peer } from './gather.js';
import type { ServerFacts } from './info/source.js';
import type {
  ReplicationAnswer,
  ReplicationNotice,
  ReplicationRequest,
  ReplicationStatus,
} from './replication/messages.js';
import type { ThreadFigures } from './thread-placement.js';

/**
 * Every thread's JavaScript heap: the data lies outside of it, and what little is made there dies young.
 * Left to itself V8 lets the young generation grow to 48 MiB a thread before it looks.
 */
export const THREAD_LIMITS = { maxYoungGenerationSizeMb: 3 };

export interface ThreadData {
  /** From 0; thread 0 also listens on the unix socket. */
  readonly thread: number;
  /** I/O threads. */
  readonly threads: number;
  readonly shardBuffers: readonly SharedArrayBuffer[];
  /** The shards' journals. */
  readonly ringBuffers: readonly SharedArrayBuffer[];
  readonly replication: ReplicationStatus;
  readonly controlBuffer: SharedArrayBuffer;
  readonly configBuffer: SharedArrayBuffer;
  /** By thread: the number that wakes its transport. */
  readonly wakers: Int32Array;
  readonly figures: ThreadFigures;
  readonly databases: number;
  readonly facts: Omit<ServerFacts, 'transport'>;
  readonly peers: readonly Peer[];
  readonly main: MessagePort;
}

/** From an I/O thread to the main thread. */
export type ThreadMessage =
  | { readonly kind: 'listening'; readonly transport: TransportName }
  | { readonly kind: 'failed'; readonly text: string }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'shutdown'; readonly thread: number; readonly request: ShutdownRequest }
  | { readonly kind: 'abort-shutdown' }
  | {
      readonly kind: 'replication-request';
      readonly thread: number;
      readonly id: number;
      readonly request: ReplicationRequest;
    }
  | { readonly kind: 'replication-notice'; readonly notice: ReplicationNotice }
  | { readonly kind: 'status-taken'; readonly thread: number; readonly number: number }
  | { readonly kind: 'stopped'; readonly thread: number };

/** From the main thread to an I/O thread, besides gathers. */
export type MainMessage =
  | { readonly kind: 'stop' }
  | { readonly kind: 'shutdown-failed'; readonly text: string }
  | {
      readonly kind: 'replication-answer';
      readonly id: number;
      readonly answer: ReplicationAnswer;
    }
  /** To be confirmed by 'status-taken', once it is in force on the thread. */
  | {
      readonly kind: 'replication-status';
      readonly number: number;
      readonly status: ReplicationStatus;
    }
  | { readonly kind: 'close-client'; readonly clientId: number };
