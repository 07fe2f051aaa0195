/**
 * What the owner of a Frontend decides: which clients may connect, and how much output may wait.
 */
import type { Connection } from './connection.js';
import type { ReplyGate } from './held-replies.js';
import type { NetSession } from './runner.js';

/** How much unsent output a class of clients may have; 0 = no bound. */
export interface OutputLimit {
  hardBytes: number;
  softBytes: number;
  /** How long it may be over the soft limit. */
  softMs: number;
}

export const NO_OUTPUT_LIMIT: OutputLimit = { hardBytes: 0, softBytes: 0, softMs: 0 };

export interface FrontendPolicy<S extends NetSession> {
  /** Whether a descriptor stays here; false: it was handed to another thread. */
  offered(descriptor: number): boolean;
  /** A session for a new client, or the error to answer before closing. */
  admit(slot: number): S | string;
  /** A client has gone. */
  released(session: S): void;
  woken(): void;
  /** Once a turn, after wake-up and before the first command: sets clock and gates. */
  beginTurn(): void;
  /** At each further event of the turn. What came from other threads since comes before it. */
  continueTurn(): void;
  /**
   * The turn is over, and the thread is about to wait for the next event.
   * @returns false when there is something to do already: it must not wait
   */
  mayWait(): boolean;
  /** Replies are held, and the thread is about to wait: it is to be woken when one may go out. */
  awaitsDurable(): void;
  /** Once a turn, when all is done: background work; returns milliseconds until it wants more. */
  background(): number;
  /** Which replies wait until writes are durable. */
  readonly replyGate: ReplyGate;
  /** By `NetSession.outputClass`. */
  readonly outputLimits: readonly OutputLimit[];
  readonly bulkBytesMax: number;
  /** client-query-buffer-limit */
  readonly queryBytesMax: number;
  /**
   * A client is closed as it has sent more than may wait; `begin` are the first bytes of it, and
   * `bound` names what it has reached.
   */
  queryLimitReached(session: S, begin: string, bound: string): void;
  log(level: 'verbose' | 'warning', message: string): void;
  /** An exception outside of any command. Must not throw, and writes a bounded number of lines. */
  failed(doing: string, error: unknown): void;
  readonly traffic: {
    receivedBytes: number;
    sentBytes: number;
    /** Input and output put aside since the owner last looked. */
    heldBytes: number;
    outputLimitClosed: number;
  };
}

/** Whether a client's unsent output is over the hard limit, or over the soft one for too long. */
export function exceedsOutputLimit<S extends NetSession>(
  connection: Connection<S>,
  policy: FrontendPolicy<S>,
  nowMs: number,
): boolean {
  const { hardBytes, softBytes, softMs } = policy.outputLimits[connection.session.outputClass]!;
  const bytes = connection.outputBytes;
  if (hardBytes > 0 && bytes > hardBytes) return true;
  if (softBytes === 0 || bytes <= softBytes) {
    connection.softLimitSinceMs = 0;
    return false;
  }
  if (connection.softLimitSinceMs === 0) connection.softLimitSinceMs = nowMs;
  return nowMs - connection.softLimitSinceMs > softMs;
}
