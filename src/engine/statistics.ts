/** What the dispatcher counts, and tells about slow commands. Wired to shared memory in server/. */
import type { Arguments } from '../protocol/parser.js';
import type { RegisteredCommand } from './registry.js';
import type { ClientSession } from './session.js';

export interface DispatchStatistics {
  /** By the registry's command index: */
  readonly calls: Float64Array;
  readonly microseconds: Float64Array;
  readonly rejected: Float64Array;
  readonly failed: Float64Array;
  /** Time every command, because the slow log's threshold is low. Else only those that may take long. */
  timeEverything: boolean;
  /** An error reply went out; `code` is its first word. */
  errorReply(code: string): void;
  /** A command was timed (short commands are sampled, one in `weight`). */
  timed(
    command: RegisteredCommand,
    args: Arguments,
    session: ClientSession,
    microseconds: number,
  ): void;
}

/** For commands that are no client's: effects, files that are loaded. They are not counted. */
export function uncountedStatistics(commands: number): DispatchStatistics {
  return {
    calls: new Float64Array(commands),
    microseconds: new Float64Array(commands),
    rejected: new Float64Array(commands),
    failed: new Float64Array(commands),
    timeEverything: false,
    errorReply: () => {},
    timed: () => {},
  };
}
