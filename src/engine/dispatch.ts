/**
 * The dispatcher: one command from a parsed vector to its reply. It finds the command, has it
 * checked (admission.ts), plans and takes the locks of its keys (locking-plan.ts) and has it run
 * (execution.ts). It is the `Context` of the commands, one per thread.
 *
 * The data path through here (one key, nothing refused) allocates nothing and takes one lock.
 */
import { BUSY, DEFERRED, DONE, PAUSED, SUSPENDED } from '../base/outcome.js';
import { boundedBinary } from '../base/region.js';
import type {
  BlockRequest,
  CommandEntry,
  Context,
  Suspension,
} from '../commands/contract/context.js';
import { KEY_WRITTEN, KeyPlaces } from '../commands/contract/key-flags.js';
import type { ServerPort } from '../commands/contract/server-port.js';
import { REPLY_ON, REPLY_SKIP, REPLY_SKIP_NEXT } from '../commands/contract/session.js';
import { CommandSettings } from '../commands/contract/settings.js';
import { Keyspace } from '../keyspace/keyspace.js';
import { LONG_KEY_BYTES } from '../keyspace/long-keys.js';
import { OuterCommand } from '../keyspace/mutation.js';
import type { Shards } from '../keyspace/shards.js';
import type { ErrorReply } from '../protocol/errors.js';
import * as errors from '../protocol/errors.js';
import { Arguments } from '../protocol/parser.js';
import type { Reply } from '../protocol/reply.js';
import {
  isHttp,
  mustPause,
  refusalOf,
  subcommandOf,
  unknownCommand,
  unknownSubcommand,
} from './admission.js';
import { Execution } from './execution.js';
import { findKeys } from './key-places.js';
import { LockingPlan, WRITES_NOTHING, type WritePressure } from './locking-plan.js';
import {
  type RegisteredCommand,
  type Registry,
  TRAIT_LOCK_ALL,
  TRAIT_LOCK_NONE,
  TRAIT_RUNS_QUEUE,
  TRAIT_SIMPLE_KEYS,
  TRAIT_TRANSACTION_CONTROL,
  TRAIT_WRITE,
} from './registry.js';
import type { Serving } from './serving.js';
import type { ClientSession } from './session.js';
import type { DispatchStatistics } from './statistics.js';
import { type Cancellation, suspendSession } from './suspension.js';
import { TransactionQueue } from './transaction-queue.js';
import type { Waits } from './waits.js';

export interface DispatcherHooks {
  /** An exception in a command, or on the way to it (then `command` is ''). No lock is left. */
  failed(command: string, error: unknown): void;
  /** A client sent an HTTP request; its connection is being closed. */
  attacked(session: ClientSession): void;
  /** Called every few milliseconds while the command waits for a shard. No lock is held. */
  waiting(): void;
  /** A suspended client can go on: the reply is to be written and its input served again. */
  resumed(session: ClientSession, write: () => void): void;
}

export class Dispatcher implements Context {
  args = new Arguments();
  session: ClientSession;
  now = 0;
  gates = 0;
  /** Where the command under way writes: the thread's reply, but for a command inside another. */
  reply: Reply;
  /** Who wait for keys: set in server/ wiring. Without it no command blocks. */
  waits: Waits | null = null;
  serving: Serving | null = null;
  /** Set in server/ wiring, before the first command. */
  server!: ServerPort;
  readonly keys: Keyspace;
  readonly settings = new CommandSettings();
  readonly locks: LockingPlan;
  private readonly execution: Execution;
  private readonly places = new KeyPlaces();
  private readonly queued = new Arguments();
  /** How many commands the one under way is inside of, and what counts for each of them. */
  private depth = 0;
  private readonly outer: OuterCommand[] = [];
  /** Changes of the command that ran inside another last. */
  private nestedChanges = 0;

  constructor(
    readonly registry: Registry,
    readonly shards: Shards,
    reply: Reply,
    private readonly statistics: DispatchStatistics,
    private readonly hooks: DispatcherHooks,
    nobody: ClientSession,
  ) {
    this.reply = reply;
    this.session = nobody;
    this.keys = new Keyspace(shards);
    this.locks = new LockingPlan(shards, () => hooks.waiting());
    this.execution = new Execution(this, this.locks, statistics, (command, error) =>
      hooks.failed(command, error),
    );
  }

  /** Commands run since `processed` was last set. */
  get processed(): number {
    return this.execution.processed;
  }

  set processed(count: number) {
    this.execution.processed = count;
  }

  /** Whether the command under way runs for a client that has waited for it. */
  isServed = false;

  get inTransaction(): boolean {
    return this.depth > 0;
  }

  get isWaiting(): boolean {
    return this.locks.isWaiting;
  }

  set pressure(pressure: WritePressure | null) {
    this.locks.pressure = pressure;
  }

  /** Called once a turn: the clock and what the server's state forbids. */
  beginTurn(nowMs: number, gates: number): void {
    this.now = nowMs;
    this.keys.now = nowMs;
    this.gates = gates;
    this.locks.beginTurn(nowMs);
  }

  /**
   * Runs one command of a client. Returns one of base/outcome.ts. Never throws but for a full
   * reply.
   */
  dispatch(session: ClientSession, args: Arguments): number {
    this.session = session;
    this.args = args;
    const reply = this.reply;
    const begin = reply.position - reply.start;
    let status = DONE;
    try {
      status = this.admit(session, args);
    } catch (error) {
      this.fail(session, begin, error);
    }
    const { longKeys } = this.keys;
    if (longKeys.isOpen) longKeys.end(session, status === BUSY || status === DEFERRED);
    if (status === DONE && session.replyMode !== REPLY_ON) this.suppress(session, begin);
    return status;
  }

  private admit(session: ClientSession, args: Arguments): number {
    let command = this.registry.find(args.region, args.offset[0]!, args.length[0]!);
    if (command === null) return this.refuseUnknown(session, args);
    if (command.hasSubcommands && args.count > 1) {
      const subcommand = subcommandOf(command, args);
      if (subcommand === undefined) return this.refuse(session, unknownSubcommand(command, args));
      command = subcommand;
    }
    const refusal = refusalOf(command, session, args.count, this.gates);
    if (refusal !== null) return this.reject(command, session, refusal);
    if (this.gates !== 0 && mustPause(command, session, this.gates)) return PAUSED;
    if (session.inMulti) {
      if ((command.traits & TRAIT_TRANSACTION_CONTROL) === 0) {
        return this.enqueue(command, session, args);
      }
      if ((command.traits & TRAIT_RUNS_QUEUE) !== 0 && !session.multiAborted) {
        session.lastCommand = command.index;
        return this.runQueued(command, session, args);
      }
    }
    session.lastCommand = command.index;
    return this.runLocked(command, session, args);
  }

  private enqueue(command: RegisteredCommand, session: ClientSession, args: Arguments): number {
    // An aborted transaction never runs, so its queue needs no locks.
    if (!session.multiAborted) {
      session.queue ??= new TransactionQueue();
      if (!session.queue.add(command, args)) {
        return this.reject(command, session, errors.QUEUE_TOO_LONG);
      }
    }
    this.reply.simple('QUEUED');
    return DONE;
  }

  // Locks.

  /** Locks the shards of the command's keys, runs it, unlocks. */
  private runLocked(command: RegisteredCommand, session: ClientSession, args: Arguments): number {
    const { keys, locks } = this;
    const { firstKey, traits } = command;
    keys.database = session.database;
    // A negative lastKey counts from the end: DEL with one key has one shard like GET.
    const lastKey = command.lastKey < 0 ? args.count + command.lastKey : command.lastKey;
    const hasOneKey = firstKey !== 0 && lastKey === firstKey && (traits & TRAIT_SIMPLE_KEYS) !== 0;
    if (!hasOneKey || (traits & (TRAIT_LOCK_ALL | TRAIT_LOCK_NONE)) !== 0) {
      return this.runPlanned(command, session, args);
    }
    if (args.length[firstKey]! > LONG_KEY_BYTES) keys.longKeys.begin(session, args, null);
    keys.prepare(args, firstKey);
    const bytes = this.pressedBytes(command, args);
    try {
      const outcome = locks.takeOne(session, keys.preparedShard, bytes);
      return outcome === DONE ? this.execution.runAsGroup(command, args) : outcome;
    } finally {
      locks.release();
    }
  }

  /** The same for what is not one key: none, several, or every shard. */
  private runPlanned(command: RegisteredCommand, session: ClientSession, args: Arguments): number {
    const { keys, locks, execution } = this;
    keys.forget();
    if (args.bytes > LONG_KEY_BYTES) keys.longKeys.begin(session, args, null);
    try {
      if ((command.traits & TRAIT_LOCK_NONE) === 0) this.plan(command, args);
      if (locks.isEmpty) return execution.run(command, args);
      const outcome = locks.take(session, this.pressedBytes(command, args));
      return outcome === DONE ? execution.runAsTransaction(command, args) : outcome;
    } finally {
      locks.release();
    }
  }

  /** The same for EXEC: all shards of the queue and of the watched keys, before it begins. */
  private runQueued(command: RegisteredCommand, session: ClientSession, args: Arguments): number {
    const { keys, locks, execution } = this;
    const { queue } = session;
    keys.forget();
    if (session.queuedBytes > LONG_KEY_BYTES) keys.longKeys.begin(session, args, queue!.region);
    try {
      this.planQueue(session);
      keys.forget();
      if (locks.isEmpty) return execution.run(command, args);
      const outcome = locks.take(session, session.queuedBytes);
      return outcome === DONE ? execution.run(command, args) : outcome;
    } finally {
      locks.release();
    }
  }

  /** Bytes that a write brings to its shards, for back-pressure; WRITES_NOTHING for others. */
  private pressedBytes(command: RegisteredCommand, args: Arguments): number {
    if (this.locks.pressure === null || (command.traits & TRAIT_WRITE) === 0) return WRITES_NOTHING;
    return args.bytes;
  }

  /** Adds the shards of all keys of a command vector to the locking plan. */
  private plan(command: RegisteredCommand, args: Arguments): void {
    const { keys, locks, places } = this;
    const { traits } = command;
    const writes = (traits & TRAIT_WRITE) !== 0;
    if ((traits & TRAIT_LOCK_ALL) !== 0) {
      locks.addAll(writes);
      return;
    }
    if (command.readsAnyKey?.(args)) locks.addAll(false);
    if ((traits & TRAIT_SIMPLE_KEYS) !== 0) {
      if (command.firstKey === 0) return;
      const last = command.lastKey >= 0 ? command.lastKey : args.count + command.lastKey;
      const end = Math.min(last, args.count - 1);
      for (let i = command.firstKey; i <= end; i += command.keyStep) {
        locks.add(keys.mark(args, i), writes);
      }
    } else if (findKeys(command.keys, args, places)) {
      for (let i = 0; i < places.count; i++) {
        const isWritten =
          writes && (command.writesUnmarked || (places.flags[i]! & KEY_WRITTEN) !== 0);
        locks.add(keys.mark(args, places.index[i]!), isWritten);
      }
    }
  }

  /** Adds every shard that the session's transaction touches. */
  private planQueue({ queue, watched }: ClientSession): void {
    const { locks, queued, registry } = this;
    for (const { shard } of watched) locks.add(shard, false);
    if (queue === null) return;
    queue.rewind();
    for (let i = 0; i < queue.length; i++) {
      const command = registry.all[queue.next(queued)]!;
      // It locks shards one by one while it runs, which is not allowed while other locks are held.
      if ((command.traits & TRAIT_LOCK_NONE) !== 0) locks.addAll(false);
      this.plan(command, queued);
    }
  }

  /**
   * Whether all keys of a vector lie in this one shard, which the caller has locked. No command may
   * be under way. Until `keys.forget`, a command with this vector does not hash its keys again.
   */
  keysLieIn(command: RegisteredCommand, args: Arguments, shard: number): boolean {
    this.keys.forget();
    try {
      this.plan(command, args);
      return this.locks.isOnly(shard);
    } finally {
      this.locks.release();
    }
  }

  /** Runs a command without admission, its shards locked by the caller and `session` set by it. */
  run(command: RegisteredCommand, args: Arguments): number {
    this.args = args;
    const outcome = this.execution.run(command, args);
    if (this.keys.ready.count === 0) return outcome;
    try {
      this.serveReady();
    } finally {
      this.locks.releaseBorrowed();
    }
    return outcome;
  }

  // Clients that wait for keys.

  serveReady(): void {
    if (this.serving === null) this.keys.ready.clear();
    else this.serving.serve();
  }

  /** Runs a command for a client that waited, within the one under way. @returns its changes */
  runServed(
    client: ClientSession,
    command: RegisteredCommand,
    args: Arguments,
    reply: Reply,
  ): number {
    const { session } = this;
    this.session = client;
    this.isServed = true;
    try {
      this.runNested(command, args, reply);
      // It was counted when its client sent it.
      this.statistics.calls[command.index]! -= 1;
      return this.nestedChanges;
    } finally {
      this.session = session;
      this.isServed = false;
    }
  }

  /** Runs the command of a client that waits once more, with the locks of all its keys. */
  dispatchAgain(session: ClientSession, args: Arguments): number {
    const command = this.registry.all[session.lastCommand]!;
    if (this.gates !== 0 && mustPause(command, session, this.gates)) return PAUSED;
    this.session = session;
    this.args = args;
    const outcome = this.runLocked(command, session, args);
    // It was counted when the client sent it.
    if (outcome === DONE || outcome === SUSPENDED) this.statistics.calls[command.index]! -= 1;
    return outcome;
  }

  /** Runs `work` with the shard locked, outside of commands, and serves who waits for keys noted. */
  withShardIfFree(shard: number, work: () => void): boolean {
    const { shards, keys } = this;
    if (!shards.tryLock(shard)) return false;
    try {
      keys.effects.beginTransaction();
      work();
      if (keys.ready.count > 0) this.serveReady();
      keys.effects.endTransaction();
    } finally {
      this.locks.releaseBorrowed();
      shards.unlock(shard);
    }
    return true;
  }

  block(request: BlockRequest): void {
    if (this.inTransaction || this.waits === null) throw new Error('this command may not block');
    if (this.waits.begin(request)) this.execution.isSuspended = true;
  }

  // Refusals.

  private refuseUnknown(session: ClientSession, args: Arguments): number {
    if (!isHttp(args)) return this.refuse(session, unknownCommand(args));
    // The connection closes without an answer, before the body of the request is parsed.
    this.hooks.attacked(session);
    session.closeAfterReply = true;
    return DONE;
  }

  /** Refuses before a command is known. */
  private refuse(session: ClientSession, error: ErrorReply): number {
    session.multiAborted = session.inMulti;
    this.statistics.errorReply(error.code);
    this.reply.error(error);
    return DONE;
  }

  private reject(command: RegisteredCommand, session: ClientSession, error: ErrorReply): number {
    this.statistics.rejected[command.index]! += 1;
    if ((command.traits & TRAIT_RUNS_QUEUE) === 0) return this.refuse(session, error);
    // Refuses EXEC: the transaction ends, and the error gives the reason.
    this.server.transactions.discard(session);
    this.statistics.errorReply('EXECABORT');
    this.reply.error(errors.execAbortBecause(error));
    return DONE;
  }

  /** An exception outside of a command: on the way to it, or when its locks were given back. */
  private fail(session: ClientSession, begin: number, error: unknown): void {
    this.keys.longKeys.end(session, false);
    session.multiAborted = session.inMulti;
    this.reply.rewind(begin);
    this.reply.error(errors.INTERNAL);
    this.hooks.failed('', error);
  }

  /** CLIENT REPLY OFF and SKIP: discards the reply that was written. */
  private suppress(session: ClientSession, begin: number): void {
    this.reply.rewind(begin);
    if (session.replyMode === REPLY_SKIP) session.replyMode = REPLY_ON;
    else if (session.replyMode === REPLY_SKIP_NEXT) session.replyMode = REPLY_SKIP;
  }

  /** The same for a command that waited: its reply is all that was written since `start`. */
  suppressResumed(session: ClientSession): void {
    if (session.replyMode !== REPLY_ON && !session.suspended) this.suppress(session, 0);
  }

  // What commands call.

  text(index: number): string {
    const args = this.args;
    return boundedBinary(args.region, args.offset[index]!, args.length[index]!);
  }

  withShard(shard: number, work: () => void): void {
    this.locks.withShard(shard, () => {
      try {
        work();
      } catch (error) {
        if (this.keys.effects.active) this.keys.effects.lost([shard]);
        throw error;
      }
    });
  }

  runInside(entry: CommandEntry, args: Arguments, reply: Reply): void {
    const command = this.registry.all[entry.index]!;
    const { arity, traits } = command;
    if (arity > 0 ? args.count !== arity : args.count < -arity) {
      reply.error(errors.wrongArity(command.fullName));
      return;
    }
    const isLocked = (traits & TRAIT_LOCK_NONE) !== 0 || this.holdsKeys(command, args);
    if (!isLocked) throw new Error(`the shards of ${command.fullName} are not locked`);
    this.runNested(command, args, reply);
  }

  private holdsKeys(command: RegisteredCommand, args: Arguments): boolean {
    const { locks, places, shards } = this;
    if ((command.traits & TRAIT_LOCK_ALL) !== 0 || command.readsAnyKey?.(args)) {
      return locks.held.length === shards.count;
    }
    if (!findKeys(command.keys, args, places)) return true;
    for (let i = 0; i < places.count; i++) {
      const index = places.index[i]!;
      const shard = shards.shardOf(args.region, args.offset[index]!, args.length[index]!);
      if (!locks.holds(shard)) return false;
    }
    return true;
  }

  /** The same for a vector that has been checked and whose shards were planned: EXEC's. */
  runNested(command: RegisteredCommand, args: Arguments, reply: Reply): void {
    const { keys } = this;
    const { args: outerArgs, reply: outerReply } = this;
    const { database } = keys;
    const outer = this.outerCommand();
    keys.beginInner(outer);
    this.depth++;
    this.args = args;
    this.reply = reply;
    keys.forget();
    keys.database = this.session.database;
    try {
      this.execution.run(command, args);
    } finally {
      this.nestedChanges = keys.changes;
      this.depth--;
      this.args = outerArgs;
      this.reply = outerReply;
      keys.forget();
      keys.database = database;
      keys.endInner(outer);
    }
  }

  /** Where the command under way is kept; made when commands nest so deeply for the first time. */
  private outerCommand(): OuterCommand {
    const { outer, depth } = this;
    if (depth === outer.length) outer.push(new OuterCommand());
    return outer[depth]!;
  }

  suspend(cancelled: (reason: Cancellation) => void): Suspension {
    if (this.inTransaction) throw new Error('a command may not suspend inside another');
    this.execution.isSuspended = true;
    return suspendSession(this.session, cancelled, (session, write) =>
      this.hooks.resumed(session, () => {
        this.session = session;
        write(this);
      }),
    );
  }
}
