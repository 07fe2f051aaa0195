/** Where a server lives: in a process of its own, which ends with it, or in a program's process. */
import { endProcess } from '../../platform/ffi/process-end.js';

export interface ServerHost {
  /** Whether clients reach the server by TCP on a port that the system chooses, where `port` is 0. */
  readonly choosesPort: boolean;
  /** Whether threads for replicas are started before one asks for them. */
  readonly expectsReplicas: boolean;
  /** Whether the process is the server's, so that it may change what the system knows of it. */
  readonly ownsProcess: boolean;
  /** What the death of a thread means, for the log. */
  readonly consequence: string;
  /**
   * The server's orderly end: nothing is served any more, data is saved. Threads may still run, so
   * a host that goes on ends them (Server.release).
   */
  ended(code: number): void;
  /** A thread has died: it may hold locks of shards, so that nothing may be served any more. */
  died(reason: string): void;
  /** The server was told to end, cannot save, and goes on. */
  goesOn(reason: string): void;
}

/** A process of the server's own. */
export const OWN_PROCESS: ServerHost = {
  choosesPort: false,
  expectsReplicas: true,
  ownsProcess: true,
  consequence: 'the process ends with code 1, its data is lost',
  ended: (code) => endProcess(code),
  died: () => endProcess(1),
  goesOn: () => {},
};
