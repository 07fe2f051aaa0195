/**
 * What a running command sees: its arguments, its reply, its client and the keyspace. There is one
 * context per thread, reused for every command.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import type { Keyspace } from '../../keyspace/keyspace.js';
import type { Arguments } from '../../protocol/parser.js';
import type { Reply } from '../../protocol/reply.js';
import type { CommandDefinition, ContainerDefinition } from './definition.js';
import type { KeyPlaces } from './key-flags.js';
import type { ServerPort } from './server-port.js';
import type { Session } from './session.js';
import type { CommandSettings } from './settings.js';

export interface Context {
  /** args.count arguments, the command's name at 0; bytes in args.region. */
  readonly args: Arguments;
  readonly reply: Reply;
  readonly session: Session;
  readonly keys: Keyspace;
  readonly settings: CommandSettings;
  /** Milliseconds since 1970, read once a turn (refreshed after long commands). */
  readonly now: number;
  /** Everything off the data path: configuration, clients, statistics, persistence, replication. */
  readonly server: ServerPort;
  readonly registry: CommandRegistry;
  /** True while a command runs inside another, as in EXEC (nothing may suspend then). */
  readonly inTransaction: boolean;
  /** True when a script runs the command. */
  readonly inScript: boolean;
  /** True when the command runs for a client that has waited for it; `inTransaction` is true too. */
  readonly isServed: boolean;

  /** Argument `index` as a binary string (latin1). Off the data path: it allocates. */
  text(index: number): string;

  /**
   * Whether the client may read keys that the running command does not declare: a user needs the right
   * to read every key.
   */
  mayReadEveryKey(): boolean;

  /**
   * Runs `work` with shard `shard` locked (at once when the dispatcher has locked it already).
   * Must not be nested over several shards. For commands with locks: 'none'.
   */
  withShard(shard: number, work: () => void): void;

  /**
   * Runs a change that a command has put off, with shard `shard` locked: outside of commands, after
   * `suspend`. Its effects reach replicas as one whole.
   */
  changeLater(shard: number, work: () => void): void;

  /**
   * Runs another command within this one, on behalf of the same client: its reply goes to `reply`,
   * errors included. The shards of its keys must be locked already. All that this command sees
   * (arguments, reply, keys prepared) is as before when it returns. It may not suspend.
   */
  runInside(entry: CommandEntry, args: Arguments, reply: Reply): void;

  /**
   * Leaves the command unanswered until one of its keys has a value of the type that the definition's
   * `waitsFor` names: then it runs on that key alone, as inside a transaction, on whichever thread
   * changed the key. The shards of its keys are locked. When the time is up the answer is null.
   */
  block(request: BlockRequest): void;

  /**
   * Leaves the command unanswered until `resume` is called on this thread with a function that
   * writes the reply; the client's later commands wait. `cancelled` is called when the client goes
   * away first or CLIENT UNBLOCK ends the wait.
   */
  suspend(cancelled: (reason: 'closed' | 'unblock' | 'unblock-error') => void): Suspension;
}

/** What a command waits for. One for each thread, reused. */
export class BlockRequest {
  /** Arguments `[firstKey, endKey)` are the keys: the command runs on the first that has something. */
  firstKey = 0;
  endKey = 0;
  /** Argument with their number, 0 without one. */
  countIndex = 0;
  /** How far behind each key an argument lies that belongs to it alone, 0 for none. */
  paired = 0;
  /** The vector to run later, with the same places, when it is not the command as it came. */
  args: ArgumentVector | null = null;
  /** 0: for ever. */
  timeoutMs = 0;
}

export interface Suspension {
  /** Writes the reply and lets the client go on. Ignored when the client has gone. */
  resume(write: (context: Context) => void): void;
}

/** A definition as the registry holds it, with what was derived from it. */
export interface CommandEntry {
  readonly definition: CommandDefinition | ContainerDefinition;
  /** 'config|get' for subcommands. */
  readonly fullName: string;
  readonly index: number;
  readonly subcommands: ReadonlyMap<string, CommandEntry>;
  /** With '@'-less derived ones included, sorted as COMMAND INFO lists them. */
  readonly categories: readonly string[];
  /** The legacy triple of COMMAND INFO. */
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
}

export interface CommandRegistry {
  /** By the names that clients use, in lower case: rename-command may have changed them. */
  readonly commands: ReadonlyMap<string, CommandEntry>;
  /** Looks a command up by the lower-case name that clients use ('get', 'config|get'). */
  lookup(name: string): CommandEntry | undefined;
  /** Looks a command up by its own name. */
  original(name: string): CommandEntry | undefined;
  /**
   * Finds the keys of a command vector (with the name at 0).
   * @returns false when the vector's key part is malformed
   */
  findKeys(entry: CommandEntry, args: ArgumentVector, into: KeyPlaces): boolean;
}
