/** What the main thread gives an I/O thread at its start: shared memory, ports, its number. */
import type { MessagePort } from 'node:worker_threads';
import type { TransportName } from '../platform/transport.js';
import type { Peer } from './gather.js';

export interface ThreadData {
  /** From 0; thread 0 also listens on the unix socket. */
  readonly thread: number;
  /** I/O threads. The main thread takes part in gathers as number `threads`. */
  readonly threads: number;
  readonly shardBuffers: readonly SharedArrayBuffer[];
  readonly controlBuffer: SharedArrayBuffer;
  readonly configBuffer: SharedArrayBuffer;
  /** By thread: the number that wakes its transport. */
  readonly wakers: Int32Array;
  /** By thread: how many connections it serves. */
  readonly loads: Int32Array;
  readonly databases: number;
  readonly transport: TransportName | 'auto';
  readonly peers: readonly Peer[];
  readonly main: MessagePort;
}

/** From an I/O thread to the main thread. */
export type ThreadMessage =
  | { readonly kind: 'listening'; readonly transport: TransportName }
  | { readonly kind: 'failed'; readonly text: string; readonly code: string }
  | { readonly kind: 'log'; readonly level: string; readonly text: string }
  | { readonly kind: 'stopped' };

/** From the main thread to an I/O thread, besides gathers. */
export type MainMessage = { readonly kind: 'stop' };
