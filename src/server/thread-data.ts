/** What the main thread gives an I/O thread at its start: shared memory, ports, its number. */
import type { MessagePort } from 'node:worker_threads';
import type { ShutdownRequest } from '../commands/contract/server-port.js';
import type { TransportName } from '../platform/transport.js';
import type { Peer } from './gather.js';
import type { ServerFacts } from './info/source.js';
import type { ThreadFigures } from './thread-placement.js';

export interface ThreadData {
  /** From 0; thread 0 also listens on the unix socket. */
  readonly thread: number;
  /** I/O threads. */
  readonly threads: number;
  readonly shardBuffers: readonly SharedArrayBuffer[];
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
  | { readonly kind: 'stopped' };

/** From the main thread to an I/O thread, besides gathers. */
export type MainMessage =
  | { readonly kind: 'stop' }
  | { readonly kind: 'shutdown-failed'; readonly text: string };
