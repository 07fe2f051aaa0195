/**
 * Between the main thread and the flow threads: what a thread gets at its start, and every message of
 * both directions. A flow thread has an event loop, and takes messages as they come.
 *
 *   main ── flows to serve and to follow ──▶ flow threads ── connected, ended ──▶ main
 *   main ── files to write and to load ──▶ flow threads ── written, loaded, ended ──▶ main
 */
import type { ElementsByVerb } from '../../keyspace/effect-elements.js';
import type { FlowFileHeader } from '../../persistence/files/flow-file.js';
import type { LoadedRanges, RangeFailure } from '../../persistence/rdb/store/range-loader.js';
import type { SocketAddresses, TlsEndOptions } from '../../platform/peer-socket.js';
import type { SegmentBreak } from '../../replication/files/segment-reader.js';
import type { ScannedStreams } from '../../replication/files/segment-scan.js';
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
  /** Upper case: the commands whose effects Redis 7.0 does not know. */
  readonly laterCommands: readonly string[];
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
  readonly windowBytes: number;
}

export interface FollowFlow {
  readonly kind: 'follow';
  readonly flow: number;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsEndOptions | null;
  /** As in PeerAddress. */
  readonly source?: string;
  readonly user: string;
  readonly password: string;
  readonly syncId: string;
  readonly index: number;
  readonly mine: readonly number[];
  readonly primaryShards: number;
  readonly progress: SharedArrayBuffer;
  /** Of a PendingStreams. */
  readonly pending: PendingMemory;
}

/** Writes a full sync into a file, up to the limits that its session gets (SyncSession.limits). */
export interface WriteFile {
  readonly kind: 'write-file';
  readonly flow: number;
  readonly path: string;
  readonly header: FlowFileHeader;
  readonly session: SharedArrayBuffer;
  readonly mine: readonly number[];
  /** Whether what is written is brought to the disk now and then, not only at the end. */
  readonly syncsOften: boolean;
  /** The RDB file that gets the keys, once they are there as of the limits; null: the blocks are kept. */
  readonly rdb: RdbTarget | null;
}

/** An RDB file that several flows write. */
export interface RdbTarget {
  /** It is there already. */
  readonly path: string;
  /** Of a FileTail: where chunks are put. 0 until the file's beginning has its place. */
  readonly tail: SharedArrayBuffer;
  readonly compression: boolean;
  readonly checksum: boolean;
}

/** What a flow has put into an RDB file. */
export interface WrittenRdb {
  readonly keys: number;
  /** Whether fields of hashes expire: the file needs version 12. */
  readonly hasFieldExpiry: boolean;
  /** Four numbers for each chunk: its place, its length, the halves of its checksum, low and high. */
  readonly chunks: Float64Array;
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

/** Loads ranges of an RDB file, as other flows do at the same time. */
export interface LoadRdb {
  readonly kind: 'load-rdb';
  readonly flow: number;
  readonly path: string;
  readonly bytes: number;
  readonly version: number;
  /** Of FileRanges. */
  readonly ranges: SharedArrayBuffer;
  readonly nowMs: number;
  readonly keepsExpired: boolean;
  readonly replaces: boolean;
}

/** What a flow has loaded of an RDB file. */
export interface RdbShare extends LoadedRanges {
  readonly failure: RangeFailure | null;
}

/** A file that is whole and on the disk. */
export interface WrittenFile {
  readonly path: string;
  /** All of it. */
  readonly bytes: number;
  /** Of the bytes before its end. */
  readonly checksum: number;
  /** Of a flow that writes an RDB file. */
  readonly rdb?: WrittenRdb;
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

/** A flow that is to load a file of a segment of the journal. */
export interface OpenSegment {
  readonly kind: 'open-segment';
  readonly flow: number;
  readonly path: string;
  readonly mine: readonly number[];
  readonly primaryShards: number;
  readonly progress: SharedArrayBuffer;
  readonly pending: PendingMemory;
}

/** What a flow of a segment does, one at a time. */
export type SegmentCommand =
  /** Looks what is there. `starts`: where the streams begin; `limits`: from there on they are of no use. */
  | {
      readonly kind: 'scan-segment';
      readonly flow: number;
      readonly starts: readonly number[];
      readonly limits: readonly number[];
    }
  /** Applies its streams up to there. */
  | { readonly kind: 'load-segment'; readonly flow: number; readonly until: readonly number[] };

/** What it reports then. */
export type SegmentReport =
  | {
      readonly kind: 'segment-scanned';
      readonly scanned: ScannedStreams;
      readonly read: ReadSegment;
    }
  | { readonly kind: 'segment-read'; readonly read: ReadSegment };

/** How a file of a segment ends. */
export interface ReadSegment {
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
  /** As in PeerAddress. */
  readonly source: string;
  readonly handshake: HandshakeOptions;
  /** Of a RedisProgress. */
  readonly progress: SharedArrayBuffer;
}

/** All, the libraries of functions, or neither these nor keys. */
export type RdbParts = 'all' | 'functions' | 'nothing';

/** What a Redis, or who speaks like one, asks for. */
export interface RedisSyncRequest {
  /** SYNC: no line tells an id and an offset. */
  readonly isPlain: boolean;
  /** '?' when it has no data. */
  readonly id: string;
  /** The first byte of the stream that it lacks. */
  readonly offset: number;
  /** Whether its id may change when it continues (capa psync2). */
  readonly knowsNewIds: boolean;
  /** Whether it wants nothing but the RDB. */
  readonly rdbOnly: boolean;
  /** What the RDB is to have. */
  readonly rdbParts: RdbParts;
}

/** client-output-buffer-limit replica; 0: no limit. */
export interface OutputLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softMs: number;
}

/** What this server is, for the stream that Redises get. */
export interface StreamRole {
  /** Of the MergedStreamFigures of the present history, which has a number. */
  readonly stream: SharedArrayBuffer;
  readonly history: number;
  /** Counts the roles. Cuts of an earlier term count no more. */
  readonly term: number;
  readonly isPrimary: boolean;
  readonly backlogBytes: number;
}

/** The role has changed, and Redises may come who followed another Darter. */
export interface MeetRole extends StreamRole {
  readonly kind: 'stream-role';
}

/** Serves a Redis that follows this server. All of them are on one thread. */
export interface ServeRedis extends StreamRole {
  readonly kind: 'serve-redis';
  readonly flow: number;
  readonly descriptor: number;
  readonly session: SharedArrayBuffer;
  readonly request: RedisSyncRequest;
  readonly limit: OutputLimit;
  /** Where a file may lie. */
  readonly directory: string;
  readonly checksum: boolean;
  readonly compression: boolean;
}

/** How far a Redis is that follows this server. */
export type RedisReplicaEvent =
  /** The id of the merged stream; '' when it is not needed. */
  | { readonly kind: 'stream'; readonly id: string }
  | { readonly kind: 'full'; readonly isFirst: boolean }
  | { readonly kind: 'continued' }
  | { readonly kind: 'online' }
  /** It has the RDB, and wanted nothing more. */
  | { readonly kind: 'rdb-sent' };

/** How far a connection to a Redis is. */
export type RedisEvent =
  | { readonly kind: 'connected'; readonly addresses: SocketAddresses }
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
  | LoadRdb
  | WriteJournal
  | OpenSegment
  | SegmentCommand
  /** The limits of the session have moved: the flow goes on in the next segment. */
  | { readonly kind: 'next-segment'; readonly flow: number; readonly place: SegmentPlace }
  /** All flows have opened it. */
  | { readonly kind: 'segment-whole'; readonly flow: number }
  | { readonly kind: 'sync-policy'; readonly flow: number; readonly policy: SyncPolicy }
  /** The journal's base is whole: what is on the disk counts. */
  | { readonly kind: 'base-whole'; readonly flow: number }
  | FollowRedis
  | ServeRedis
  | MeetRole
  /** All flows are connected and the old data is gone: apply. */
  | { readonly kind: 'go'; readonly flow: number }
  | { readonly kind: 'output-limit'; readonly flow: number; readonly limit: OutputLimit }
  | { readonly kind: 'end'; readonly flow: number }
  /** The process ends; confirmed by the thread's own end. */
  | { readonly kind: 'stop' };

export type FlowToMain =
  /** The thread has started: what happens to it from now on, happens to the process. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'connected'; readonly flow: number }
  | { readonly kind: 'file-written'; readonly flow: number; readonly file: WrittenFile }
  | { readonly kind: 'file-loaded'; readonly flow: number }
  | { readonly kind: 'rdb-loaded'; readonly flow: number; readonly share: RdbShare }
  /** A segment's file is begun, and all of the one before is written. */
  | { readonly kind: 'segment-begun'; readonly flow: number }
  /** It is on the disk, and so is the one before. */
  | { readonly kind: 'segment-opened'; readonly flow: number }
  /** The disk refuses to write, with this code; '' when it takes it again. */
  | { readonly kind: 'segment-trouble'; readonly flow: number; readonly code: string }
  | (SegmentReport & { readonly flow: number })
  | { readonly kind: 'redis'; readonly flow: number; readonly event: RedisEvent }
  | { readonly kind: 'redis-replica'; readonly flow: number; readonly event: RedisReplicaEvent }
  /** `reason` is '' when it was told to end. */
  | { readonly kind: 'ended'; readonly flow: number; readonly reason: string };
