/**
 * Ports to everything off the data path, declared here and wired in server/. Each is one subject;
 * commands call them, server/ implements them.
 *
 * What is said of "all threads" is gathered from them and waits for their answers: a command that
 * uses it declares locks: 'none' (src/server/channel/gather.ts). It throws UnansweredError when a thread does not
 * answer in time.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import type { ErrorReply } from '../../protocol/errors.js';
import type { AclPort } from './acl-port.js';
import type { CommandEntry, Context } from './context.js';
import type { MigrationPort } from './migration-port.js';
import type { PersistencePort } from './persistence-port.js';
import type { PubSubPort } from './pubsub-port.js';
import type { ReplicationPort } from './replication-port.js';
import type { Session } from './session.js';
import type { TrackingPort } from './tracking-port.js';

/** A thread is busy with something long. The command fails with an error that names it. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';
}

export interface ServerPort {
  readonly acl: AclPort;
  readonly clients: ClientsPort;
  readonly transactions: TransactionsPort;
  readonly configuration: LiveConfigurationPort;
  readonly information: InformationPort;
  readonly statistics: StatisticsPort;
  readonly slowLog: SlowLogPort;
  readonly latency: LatencyPort;
  readonly memory: MemoryPort;
  readonly migration: MigrationPort;
  readonly process: ProcessPort;
  readonly persistence: PersistencePort;
  readonly replication: ReplicationPort;
  readonly scripts: ScriptsPort;
  readonly functions: FunctionsPort;
  readonly pubsub: PubSubPort;
  readonly tracking: TrackingPort;
}

/** Scripts: EVAL and its kin run the script that the running command names, and write its reply. */
export interface ScriptsPort {
  /** Argument 1 is the source. */
  evaluate(isReadOnly: boolean): void;
  /** Argument 1 is the SHA1 of a source. */
  evaluateSha(isReadOnly: boolean): void;
  /** @returns the SHA1, or the error's text */
  load(source: string): { readonly sha: string } | { readonly error: string };
  exists(sha: string): boolean;
  flush(): void;
  /** Ends the script, or function, that runs for too long on any thread. @returns the error, or null */
  kill(kind: 'script' | 'function'): ErrorReply | null;
  /** Of all threads. */
  readonly figures: ScriptFigures;
}

export interface ScriptFigures {
  readonly scripts: number;
  readonly scriptBytes: number;
  readonly functions: number;
  readonly libraries: number;
  readonly libraryBytes: number;
}

/** What FUNCTION RESTORE does about libraries that are there. */
export type RestorePolicy = 'flush' | 'append' | 'replace';

/** A function of a library. */
export interface FunctionDescription {
  readonly name: string;
  readonly description: string | undefined;
  readonly flags: readonly string[];
}

export interface LibraryDescription {
  readonly name: string;
  readonly code: string;
  readonly functions: readonly FunctionDescription[];
}

/** Functions: FCALL runs the one that argument 1 of the running command names. */
export interface FunctionsPort {
  call(isReadOnly: boolean): void;
  /** @returns the library's name, or the error's text */
  load(code: string, replace: boolean): { readonly name: string } | { readonly error: string };
  /** @returns the error's text, or null */
  remove(library: string): string | null;
  flush(): void;
  list(): readonly LibraryDescription[];
  /** All libraries as FUNCTION RESTORE takes them, one char per byte. */
  dump(): string;
  /** Argument `index` is what FUNCTION DUMP gave. All or nothing. @returns the error's text, or null */
  restore(args: ArgumentVector, index: number, policy: RestorePolicy): string | null;
  /** A script or function of any thread that has run for too long. */
  running(): RunningScript | null;
}

export interface RunningScript {
  readonly kind: 'script' | 'function';
  readonly name: string;
  /** The command vector that runs it, one char per byte, long words cut. */
  readonly command: readonly string[];
  readonly milliseconds: number;
}

/** MULTI, EXEC and WATCH: the state lives with the session, the work in engine/. */
export interface TransactionsPort {
  begin(session: Session): void;
  discard(session: Session): void;
  /** Runs the queue of the context's client, its shards locked, and writes EXEC's reply. */
  execute(): void;
  /** Watches argument `index` of the running command (its shard is locked). False: no room. */
  watch(index: number): boolean;
  /** May leave work for `unwatchLeft`. */
  unwatchAll(session: Session): void;
  /** Does what `unwatchAll` could not, as a shard was taken. Now and then, outside commands. */
  unwatchLeft(): void;
}

export type ClientType = 'normal' | 'master' | 'replica' | 'pubsub';

/** Which clients CLIENT LIST and CLIENT KILL mean: those that fit every condition given. */
export interface ClientFilter {
  readonly ids?: readonly number[];
  readonly type?: ClientType;
  readonly user?: string;
  readonly address?: string;
  readonly localAddress?: string;
  readonly olderThanSeconds?: number;
  /** The id of a client that is not meant. */
  readonly except?: number;
}

export interface ClientsPort {
  /** Clients served by this thread. */
  readonly local: Iterable<Session>;
  /** A client of this thread as CLIENT LIST shows it, without a line end. */
  describe(session: Session): string;
  /** Such lines for clients of all threads, by id. */
  list(filter: ClientFilter): string[];
  /** Ends connections of all threads; one whose command is running ends after its reply. */
  kill(filter: ClientFilter): number;
  /** Ends the wait of a client of any thread. False when it does not wait. */
  unblock(id: number, withError: boolean): boolean;
  pause(mode: 'write' | 'all', endMs: number): void;
  unpause(): void;
}

export interface ConfigurationPort {
  /** A directive's value as CONFIG GET shows it, '' when there is none of that name. */
  value(name: string): string;
  /** Those that match any of the patterns, by name. */
  get(patterns: readonly string[]): readonly (readonly [name: string, value: string])[];
  /** All or nothing. @returns null, or the error's text with its code */
  set(
    pairs: readonly (readonly [name: string, value: string])[],
    isLocalClient?: boolean,
  ): string | null;
  rewrite(): string | null;
}

export interface LiveConfigurationPort extends ConfigurationPort {
  /** Whether threads that take their time have to follow a change of these. */
  mustSettle(names: readonly string[]): boolean;
  /** @param done called when they have */
  settle(done: () => void): void;
}

export interface InformationPort {
  /** INFO's text for these sections ('default', 'all' and 'everything' stand for several). */
  text(sections: readonly string[], context: Context): string;
}

/** Counts of a command's times below and at a limit. */
export interface LatencyHistogram {
  readonly calls: number;
  /** Cumulative counts by upper limit in microseconds: 1, 2, 4, 8, 16, 33, 66 ... */
  readonly buckets: readonly (readonly [microseconds: number, count: number])[];
}

export interface StatisticsPort {
  calls(entry: CommandEntry): number;
  histogram(entry: CommandEntry): LatencyHistogram;
  /** CONFIG RESETSTAT, for all threads. */
  reset(): void;
}

export interface SlowLogEntry {
  readonly id: number;
  readonly timeSeconds: number;
  readonly microseconds: number;
  /** One char per byte, shortened. */
  readonly args: readonly string[];
  readonly address: string;
  readonly clientName: string;
}

export interface SlowLogPort {
  /** Of all threads, the newest first. */
  entries(): readonly SlowLogEntry[];
  reset(): void;
}

export interface LatencySample {
  readonly timeSeconds: number;
  readonly milliseconds: number;
}

export interface LatencyEvent {
  readonly name: string;
  /** The greatest since the last reset. */
  readonly maximum: number;
  /** Oldest first, at most 160 and one for each second. */
  readonly samples: readonly LatencySample[];
}

export interface LatencyPort {
  /** latency-monitor-threshold in milliseconds; 0 = off. */
  readonly thresholdMs: number;
  /** Notes an event that took as long as the threshold or longer. */
  note(name: string, milliseconds: number, nowMs: number): void;
  /** Of all threads, by name. */
  events(): readonly LatencyEvent[];
  /** Forgets these kinds of events (all when none is named). @returns how many there were */
  reset(names: readonly string[]): number;
}

/** All in bytes. */
export interface MemoryFigures {
  /** Pages of the shards in use, and what clients take: what maxmemory is compared with. */
  readonly used: number;
  /** Of those: what clients take. */
  readonly clients: number;
  /** Of those: keys and values, and what storing them takes besides. */
  readonly dataset: number;
  readonly overhead: number;
  /** Of those: what an empty server has. */
  readonly startup: number;
  readonly peak: number;
  /** All that the process occupies, and what it did before it held data. */
  readonly resident: number;
  readonly process: number;
  readonly javascriptHeap: number;
  /** What the process may use: the machine's memory, or what a container grants if that is less. */
  readonly system: number;
  /** What a container grants; 0: no limit. */
  readonly container: number;
}

export interface MemoryPort {
  figures(): MemoryFigures;
  /** Gives free memory back to the system. */
  purge(): void;
}

export interface ShutdownRequest {
  readonly save: 'default' | 'save' | 'nosave';
  /** Not waiting for replicas that lag. */
  readonly now: boolean;
  /** Going down even when saving fails. */
  readonly force: boolean;
}

export interface ProcessPort {
  /**
   * Brings the server down. Returns when that has been set going; `failed` is called (on this
   * thread) when it comes to nothing: with the error's text.
   */
  shutdown(request: ShutdownRequest, failed: (text: string) => void): void;
  /** Calls a shutdown under way off. False when there is none. */
  abortShutdown(): boolean;
  /** Blocks this thread (DEBUG SLEEP). */
  sleep(milliseconds: number): void;
  /** DEBUG SET-ACTIVE-EXPIRE */
  setExpiryCycle(enabled: boolean): void;
  /** Whether the client comes from this machine (enable-debug-command local). */
  isLocal(session: Session): boolean;
}
