/**
 * Between the main thread and the flow threads: what a thread gets at its start, and every message of
 * both directions. A flow thread has an event loop, and takes messages as they come.
 *
 *   main ── flows to serve and to follow ──▶ flow threads ── connected, ended ──▶ main
 *   main ── files to write and to load ──▶ flow threads ── written, loaded, ended ──▶ main
 */
import type { ElementsByVerb } from '../../keyspace/effect-elements.js';
import type { FlowFileHeader } from '../../persistence/files/flow-file.js';
import type { TlsEndOptions } from '../../platform/peer-socket.js';
import type { SegmentBreak } from '../../replication/files/segment-reader.js';
import type { SegmentPlace } from '../../replication/files/segment-writer.js';
import type { HalfStream } from '../../replication/half-sync.js';
import type { HandshakeOptions, RedisHistory } from '../../replication/redis/handshake.js';
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
  /** Of DurableLsns. */
  readonly durableBuffer: SharedArrayBuffer;
  /** Of a SharedText: the libraries of functions. */
  readonly librariesBuffer: SharedArrayBuffer;
  /** Of a SharedRecords: sources of scripts by SHA1. */
  readonly recordsBuffer: SharedArrayBuffer;
  readonly configBuffer: SharedArrayBuffer;
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

/** Writes a full sync into a file, up to the limits that its session gets (SyncSession.limits). */
export interface WriteFile {
  readonly kind: 'write-file';
  readonly flow: number;
  readonly path: string;
  readonly header: FlowFileHeader;
  readonly session: SharedArrayBuffer;
  readonly mine: readonly number[];
  /** Whether it waits for 'next-file' once the file is whole, and goes on with the streams. */
  readonly goesOn: boolean;
  /** Whether what is written is brought to the disk now and then, not only at the end. */
  readonly syncsOften: boolean;
}

/** Loads a file that a flow wrote, as a replica would. */
export interface LoadFile {
  readonly kind: 'load-file';
  readonly flow: number;
  readonly path: string;
  readonly mine: readonly number[];
  readonly primaryShards: number;
  readonly progress: SharedArrayBuffer;
  readonly pending: PendingMemory;
}

/** A file that is whole and on the disk. */
export interface WrittenFile {
  readonly path: string;
  /** All of it. */
  readonly bytes: number;
  /** Of the bytes before its end. */
  readonly checksum: number;
}

/** always: at once; everysec: once a second; no: never, until a segment ends. */
export type SyncPolicy = 'always' | 'everysec' | 'no';

/** Writes streams into segments of the journal, from where a segment's file begins. */
export interface WriteJournal {
  readonly kind: 'write-journal';
  readonly flow: number;
  readonly session: SharedArrayBuffer;
  readonly mine: readonly number[];
  /** By stream: where the first segment begins. */
  readonly from: readonly number[];
  readonly place: SegmentPlace;
  readonly policy: SyncPolicy;
}

/** Loads a file of a segment of the journal. */
export interface LoadSegment {
  readonly kind: 'load-segment';
  readonly flow: number;
  readonly path: string;
  readonly mine: readonly number[];
  readonly primaryShards: number;
  readonly progress: SharedArrayBuffer;
  readonly pending: PendingMemory;
  /** By stream: where the next segment begins; null in the newest. */
  readonly until: readonly number[] | null;
}

/** What a flow found in a file of a segment. */
export interface ReadSegment {
  /** Whether the file has an end. */
  readonly isFinished: boolean;
  /** Where it makes no sense any more. */
  readonly broken: SegmentBreak | null;
  /** Whether that may be a torn tail: nothing behind it says that it was on the disk. */
  readonly isTorn: boolean;
}

/** The one connection to a Redis. */
export interface FollowRedis {
  readonly kind: 'follow-redis';
  readonly flow: number;
  readonly host: string;
  readonly port: number;
  readonly handshake: HandshakeOptions;
  /** Of a RedisProgress. */
  readonly progress: SharedArrayBuffer;
  readonly timeoutMs: number;
}

/** How far a connection to a Redis is. */
export type RedisEvent =
  | { readonly kind: 'connected' }
  /** It is a Darter; the flow ends. */
  | { readonly kind: 'darter' }
  /** It has consented to a full sync. */
  | { readonly kind: 'full'; readonly history: RedisHistory }
  /** The RDB comes; it is not read before 'go'. */
  | { readonly kind: 'transfer' }
  /** The RDB is loaded, the stream is applied. */
  | { readonly kind: 'loaded' }
  /** The stream is applied from where the replica was. */
  | { readonly kind: 'continued'; readonly id: string }
  | { readonly kind: 'notice'; readonly text: string };

export type MainToFlow =
  | ServeFlow
  | FollowFlow
  | WriteFile
  | LoadFile
  | WriteJournal
  | LoadSegment
  /** The limits of the session have moved: the flow goes on in the next segment. */
  | { readonly kind: 'next-segment'; readonly flow: number; readonly place: SegmentPlace }
  | { readonly kind: 'sync-policy'; readonly flow: number; readonly policy: SyncPolicy }
  /** The journal's base is whole: what is on the disk counts. */
  | { readonly kind: 'base-whole'; readonly flow: number }
  /** What waits for parts of transactions may go on. Answered by 'segment-fed'. */
  | { readonly kind: 'load-round'; readonly flow: number }
  /** The limits of the session have moved: the flow goes on in another file. */
  | {
      readonly kind: 'next-file';
      readonly flow: number;
      readonly path: string;
      readonly header: FlowFileHeader;
    }
  | FollowRedis
  /** All flows are connected and the old data is gone: apply. */
  | { readonly kind: 'go'; readonly flow: number }
  | { readonly kind: 'end'; readonly flow: number }
  /** The process ends; confirmed by the thread's own end. */
  | { readonly kind: 'stop' };

export type FlowToMain =
  /** The thread has started: what happens to it from now on, happens to the process. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'connected'; readonly flow: number }
  | { readonly kind: 'file-written'; readonly flow: number; readonly file: WrittenFile }
  | { readonly kind: 'file-loaded'; readonly flow: number }
  /** A segment's file is begun, and the one before is on the disk. */
  | { readonly kind: 'segment-opened'; readonly flow: number }
  /** The disk refuses to write, with this code; '' when it takes it again. */
  | { readonly kind: 'segment-trouble'; readonly flow: number; readonly code: string }
  | { readonly kind: 'segment-read'; readonly flow: number; readonly segment: ReadSegment }
  | { readonly kind: 'segment-fed'; readonly flow: number; readonly blocks: number }
  | { readonly kind: 'redis'; readonly flow: number; readonly event: RedisEvent }
  /** `reason` is '' when it was told to end. */
  | { readonly kind: 'ended'; readonly flow: number; readonly reason: string };
