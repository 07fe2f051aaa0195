/** What the network layer needs of the engine: somebody to run commands, and the client's state. */
import type { Arguments } from '../protocol/parser.js';

export interface CommandRunner<S extends NetSession> {
  /** Milliseconds since 1970, of this turn. */
  readonly now: number;
  /** Commands run so far; it may be set back between two arrivals. */
  readonly processed: number;
  /** Microseconds of the commands that were timed since the frontend has set this back. */
  workedMicros: number;
  /** The one shard whose lock the last command took; -1 when it took several. */
  readonly lastShard: number;
  /** Runs a command; its reply is written at the end of the turn's. @returns one of base/outcome.ts */
  dispatch(session: S, args: Arguments): number;
  /**
   * Begins to serve clients whose commands answered BUSY. From here to `endRun` the lock of this
   * shard may stay taken from one command to the next: no system call, no other work.
   * @param shard the first client's `takenShard`
   * @param maySleep whether the thread may wait for the shard for a moment
   */
  beginRun(shard: number, maySleep: boolean): void;
  endRun(): void;
}

/** Clients that have subscribed have a limit of their own. */
export const OUTPUT_NORMAL = 0;
export const OUTPUT_PUBSUB = 1;

export interface NetSession {
  /** The transport's slot. */
  connection: number;
  readonly address: string;
  readonly protocol: 2 | 3;
  readonly authenticated: boolean;
  closeAfterReply: boolean;
  /** Which output limit counts for it: OUTPUT_NORMAL or OUTPUT_PUBSUB. */
  readonly outputClass: number;
  lastInteractionMs: number;
  /** While a command of the client waits. */
  suspended: boolean;
  /** The one shard for which its last command answered BUSY; -1 when it did not, or for several. */
  readonly takenShard: number;
  /** Bytes of the commands it has queued since MULTI. */
  readonly queuedBytes: number;
  cancelSuspension: ((reason: 'closed' | 'unblock' | 'unblock-error') => void) | null;
}
