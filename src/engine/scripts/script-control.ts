/** What the dispatcher asks about scripts, on this thread and on others. */
import { BUSY, type ErrorReply } from '../../protocol/errors.js';
import type { Arguments } from '../../protocol/parser.js';
import type { RegisteredCommand } from '../registry.js';

export interface ScriptControl {
  /** A script of this thread runs. */
  readonly isRunning: boolean;
  /** A script of this thread runs, and the thread serves other threads' questions. */
  readonly isServing: boolean;
  /** What commands of this thread's clients are answered while it runs a long script. */
  readonly ownBusyError: ErrorReply;
  /** What a command is answered that a long script holds up. */
  readonly busyError: ErrorReply;
  /** Whether a script that runs for too long, on any thread, holds the lock of this shard. */
  isHeldUp(shard: number): boolean;
  /** Whether the script that a command vector names begins with the order lock. */
  wantsOrder(command: RegisteredCommand, args: Arguments): boolean;
  /** Whether it names a script or function whose flags say that it does not write. */
  writesNothing(command: RegisteredCommand, args: Arguments): boolean;
  /** The traits of a command that runs a script as the flags of the script have them. */
  traitsOf(command: RegisteredCommand, args: Arguments): number;
  /** Whether the script that it names touches only keys that are declared, as far as is known. */
  isClosed(command: RegisteredCommand, args: Arguments): boolean;
}

/** Where no scripts are: threads that run effects only. */
export const NO_SCRIPTS: ScriptControl = {
  isRunning: false,
  isServing: false,
  ownBusyError: BUSY,
  busyError: BUSY,
  isHeldUp: () => false,
  wantsOrder: () => false,
  writesNothing: () => false,
  traitsOf: ({ traits }) => traits,
  isClosed: () => false,
};
