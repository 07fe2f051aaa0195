/**
 * Between the main thread and the flow threads: what a thread gets at its start, and every message of
 * both directions. A flow thread has an event loop, and takes messages as they come.
 *
 *   main ── flows to serve and to follow ──▶ flow threads ── connected, ended ──▶ main
 */
import type { ElementsByVerb } from '../../keyspace/effect-elements.js';
import type { TlsEndOptions } from '../../platform/peer-socket.js';
import type { HalfStream } from '../../replication/half-sync.js';
import type { PendingMemory } from '../../replication/replica/pending-streams.js';
import type { MailboxMemory } from './mailboxes.js';

/** Threads that serve flows, and threads that follow some: as many of each at most. */
export const FLOW_THREADS_MAX = 8;

/** What every flow thread gets at its start. */
export interface FlowThreadData {
  /** Its owner number for locks. */
  readonly thread: number;
  readonly shardBuffers: readonly SharedArrayBuffer[];
  readonly ringBuffers: readonly SharedArrayBuffer[];
  /** Of a NewestCut. */
  readonly cutsBuffer: SharedArrayBuffer;
  /** Of a SharedText: the libraries of functions. */
  readonly librariesBuffer: SharedArrayBuffer;
  /** Of a SharedText: keyspace/tracked-prefixes.ts. */
  readonly prefixesBuffer: SharedArrayBuffer;
  readonly controlBuffer: SharedArrayBuffer;
  readonly ioThreads: number;
  readonly mailboxes: MailboxMemory;
  /** Which threads have subscribers of what (engine/pubsub/directory.ts). */
  readonly subscriptionsBuffer: SharedArrayBuffer;
  readonly databases: number;
  /** How many commands there are. */
  readonly commands: number;
  /** What their effects on collections say of the elements. */
  readonly elements: ElementsByVerb;
  /** Whether it is there to follow a primary. */
  readonly follows: boolean;
  /** How much the thread yields to others: see platform/ffi/thread-priority.ts. */
  readonly nice: number;
}

export interface ServeFlow {
  readonly kind: 'serve';
  readonly flow: number;
  readonly descriptor: number;
  readonly session: SharedArrayBuffer;
  readonly mine: readonly number[];
  readonly raw: boolean;
  readonly from: readonly number[] | null;
  readonly half: readonly HalfStream[] | null;
  readonly heartbeatMs: number;
  readonly windowBytes: number;
}

export interface FollowFlow {
  readonly kind: 'follow';
  readonly flow: number;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsEndOptions | null;
  readonly user: string;
  readonly password: string;
  readonly syncId: string;
  readonly index: number;
  readonly mine: readonly number[];
  readonly primaryShards: number;
  readonly progress: SharedArrayBuffer;
  /** Of a PendingStreams. */
  readonly pending: PendingMemory;
  readonly timeoutMs: number;
}

export type MainToFlow =
  | ServeFlow
  | FollowFlow
  /** All flows are connected and the old data is gone: apply. */
  | { readonly kind: 'go'; readonly flow: number }
  | { readonly kind: 'end'; readonly flow: number }
  /** The process ends; confirmed by the thread's own end. */
  | { readonly kind: 'stop' };

export type FlowToMain =
  /** The thread has started: what happens to it from now on, happens to the process. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'connected'; readonly flow: number }
  /** `reason` is '' when it was told to end. */
  | { readonly kind: 'ended'; readonly flow: number; readonly reason: string };
