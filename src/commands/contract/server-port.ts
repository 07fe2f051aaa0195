/**
 * Ports to everything off the data path, declared here and wired in server/. Each is one subject;
 * commands call them, server/ implements them.
 */
import type { Session } from './session.js';

export interface ServerPort {
  readonly clients: ClientsPort;
  readonly transactions: TransactionsPort;
}

/** MULTI, EXEC and WATCH: the state lives with the session, the work in engine/. */
export interface TransactionsPort {
  begin(session: Session): void;
  discard(session: Session): void;
  /** Runs the queue of the context's client and writes EXEC's reply. */
  execute(): void;
  /** Watches argument `index` of the running command (its shard is locked). False: no room. */
  watch(index: number): boolean;
  unwatchAll(session: Session): void;
}

export interface ClientsPort {
  /** Clients served by this thread, for CLIENT LIST and the like to walk. */
  readonly local: Iterable<Session>;
}
