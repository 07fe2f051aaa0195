/**
 * What the owner of a Frontend decides: which clients may connect, and how much output may wait.
 */
import type { Connection } from './connection.js';
import type { NetSession } from './runner.js';

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
  /** Once a turn, when all is done: background work; returns milliseconds until it wants more. */
  background(): number;
  /** Output limit of ordinary clients: 'soft', 'hard' bytes and soft seconds; 0 = none. */
  readonly outputHardBytes: number;
  readonly outputSoftBytes: number;
  readonly outputSoftMs: number;
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
  readonly traffic: { receivedBytes: number; sentBytes: number; outputLimitClosed: number };
}

/** Whether a client's unsent output is over the hard limit, or over the soft one for too long. */
export function exceedsOutputLimit<S extends NetSession>(
  connection: Connection<S>,
  policy: FrontendPolicy<S>,
  nowMs: number,
): boolean {
  const { outputHardBytes, outputSoftBytes, outputSoftMs } = policy;
  const bytes = connection.outputBytes;
  if (outputHardBytes > 0 && bytes > outputHardBytes) return true;
  if (outputSoftBytes === 0 || bytes <= outputSoftBytes) {
    connection.softLimitSinceMs = 0;
    return false;
  }
  if (connection.softLimitSinceMs === 0) connection.softLimitSinceMs = nowMs;
  return nowMs - connection.softLimitSinceMs > outputSoftMs;
}
