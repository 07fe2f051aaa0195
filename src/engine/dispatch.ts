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
import { AccessControl } from './acl/access-control.js';
import {
  isHttp,
  mustPause,
  refusalOf,
  subcommandOf,
  unknownCommand,
  unknownSubcommand,
} from './admission.js';
import { Execution } from './execution.js';
import { GATE_MONITOR } from './gates.js';
import { KeyPlanner, leavesKeyless, mayWrite } from './key-planner.js';
import { runLateChange } from './late-change.js';
import { HeldUpError, LockingPlan, WRITES_NOTHING, type WritePressure } from './locking-plan.js';
import { MonitorFeed } from './monitor-feed.js';
import { KeyspaceNotifications } from './notifications.js';
import {
  type RegisteredCommand,
  type Registry,
  TRAIT_LOCK_ALL,
  TRAIT_LOCK_NONE,
  TRAIT_RUNS_QUEUE,
  TRAIT_RUNS_SCRIPT,
  TRAIT_SIMPLE_KEYS,
  TRAIT_TRANSACTION_CONTROL,
} from './registry.js';
import { NO_SCRIPTS, type ScriptControl } from './scripts/script-control.js';
import type { Serving } from './serving.js';
import type { ClientSession } from './session.js';
import type { DispatchStatistics } from './statistics.js';
import { type Cancellation, suspendSession } from './suspension.js';
import type { InvalidationSender } from './tracking/sender.js';
import type { Tracker } from './tracking/tracker.js';
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
  /** Clients that keep what they read: set in server/ wiring, as who tells them of changes. */
  tracker: Tracker | null = null;
  invalidations: InvalidationSender | null = null;
  /** Set in server/ wiring, before the first command. */
  server!: ServerPort;
  scripts: ScriptControl = NO_SCRIPTS;
  readonly keys: Keyspace;
  readonly settings = new CommandSettings();
  readonly locks: LockingPlan;
  readonly notifications: KeyspaceNotifications;
  readonly monitors = new MonitorFeed();
  readonly access = new AccessControl();
  private readonly execution: Execution;
  readonly planner: KeyPlanner;
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
    this.notifications = new KeyspaceNotifications(this.keys);
    this.locks = new LockingPlan(shards, (shard) => this.waitFor(shard));
    this.planner = new KeyPlanner(this.keys, this.locks, registry);
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
    return this.locks.isWaiting || this.scripts.isServing;
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
   * Begins a run of commands of clients that found a shard taken (locking-plan.ts), -1 when there
   * were several. Until `endRun`, nothing but `dispatch` may need a lock, or time.
   * @param maySleep whether the thread has nothing better to do than to wait for the shard
   */
  beginRun(shard: number, maySleep: boolean): void {
    this.locks.beginRun(shard, maySleep);
  }

  endRun(): void {
    this.locks.endRun();
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
    reply.kept = begin;
    let status = DONE;
    try {
      status = this.admit(session, args);
    } catch (error) {
      this.fail(session, begin, error);
    }
    if (status === BUSY && this.scripts.isHeldUp(this.locks.takenShard)) {
      status = this.refuseBusy(session);
    }
    if (this.notifications.isPending) this.notify(session, begin);
    if (this.gates !== 0 && this.monitors.isPending) this.monitors.flush();
    const { longKeys } = this.keys;
    if (longKeys.isOpen) longKeys.end(session, status === BUSY || status === DEFERRED);
    if (status === DONE && session.replyMode !== REPLY_ON) this.suppress(session);
    // The invalidation of what a client has changed itself follows its reply.
    if (this.keys.invalidations.isPending) this.invalidations?.flush(session.id);
    if (session.tracking !== null) this.tracker!.endCommand(session, args, status);
    return status;
  }

  /**
   * Publishes the events of the command. Its client, should it be subscribed to them, gets them
   * before the reply.
   */
  private notify(session: ClientSession, begin: number): void {
    const { reply } = this;
    const mark = reply.mark();
    this.notifications.flush();
    if (reply.mark() > mark && session.replyMode === REPLY_ON) reply.putFirst(begin, mark);
  }

  private admit(session: ClientSession, args: Arguments): number {
    let command = this.registry.find(args.region, args.offset[0]!, args.length[0]!);
    if (command === null) return this.refuseUnknown(session, args);
    if (command.hasSubcommands && args.count > 1) {
      const subcommand = subcommandOf(command, args);
      if (subcommand === undefined) return this.refuse(session, unknownSubcommand(args));
      command = subcommand;
    }
    session.lastCommand = command.index;
    const refusal = refusalOf(command, session, args, this.access, this.gates);
    if (refusal !== null) return this.reject(command, session, refusal);
    if (this.gates !== 0 && mustPause(command, session, args, this.gates, this.scripts)) {
      return PAUSED;
    }
    if (session.inMulti) {
      if ((command.traits & TRAIT_TRANSACTION_CONTROL) === 0) {
        return this.enqueue(command, session, args);
      }
      if ((command.traits & TRAIT_RUNS_QUEUE) !== 0 && !session.multiAborted) {
        return this.runQueued(command, session, args);
      }
    }
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

  /** @throws HeldUpError when it may take for ever */
  private waitFor(shard: number): void {
    this.hooks.waiting();
    if (this.scripts.isHeldUp(shard)) throw new HeldUpError(this.scripts.busyError);
  }

  /** A script that runs for too long holds what the command needs. */
  private refuseBusy(session: ClientSession): number {
    const command = this.registry.all[session.lastCommand]!;
    return this.reject(command, session, this.scripts.busyError);
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
      if ((traits & TRAIT_RUNS_SCRIPT) !== 0) return this.runScript(command, session, args);
      return this.runPlanned(command, session, args);
    }
    if (args.length[firstKey]! > LONG_KEY_BYTES) keys.longKeys.begin(session, args, null);
    keys.prepare(args, firstKey);
    const bytes = this.pressedBytes(command, args);
    let outcome = BUSY;
    try {
      outcome = locks.takeOne(session, keys.preparedShard, bytes);
      if (outcome === DONE) outcome = this.execution.runAsGroup(command, args);
    } finally {
      locks.releaseOne(outcome === DONE);
    }
    return outcome;
  }

  /** The same for what is not one key: none, several, or every shard. */
  private runPlanned(command: RegisteredCommand, session: ClientSession, args: Arguments): number {
    const { keys, locks, execution } = this;
    locks.giveBackKept();
    keys.forget();
    if (args.bytes > LONG_KEY_BYTES) keys.longKeys.begin(session, args, null);
    try {
      if ((command.traits & TRAIT_LOCK_NONE) === 0) this.planner.plan(command, args);
      if (locks.isEmpty) {
        const isPutOff = leavesKeyless(command) && locks.isKeylessPutOff(session, args.bytes);
        return isPutOff ? DEFERRED : execution.run(command, args);
      }
      const outcome = locks.take(session, this.pressedBytes(command, args));
      return outcome === DONE ? execution.runAsTransaction(command, args) : outcome;
    } finally {
      locks.release();
    }
  }

  /**
   * The same for a script: the shards of the keys that it declares; it takes others while it runs. When
   * it cannot have one of those, it has changed nothing, and starts over with the order lock.
   */
  private runScript(command: RegisteredCommand, session: ClientSession, args: Arguments): number {
    const { keys, locks, execution, scripts } = this;
    locks.giveBackKept();
    keys.forget();
    if (args.bytes > LONG_KEY_BYTES) keys.longKeys.begin(session, args, null);
    try {
      let inOrder = scripts.wantsOrder(command, args) || session.isScriptOrdered;
      for (;;) {
        this.planner.plan(command, args);
        const outcome = locks.takeForScript(session, this.pressedBytes(command, args), inOrder);
        if (outcome !== DONE) return outcome;
        if (execution.runAsTransaction(command, args) !== SUSPENDED) {
          session.isScriptOrdered = false;
          return DONE;
        }
        locks.release();
        keys.forget();
        inOrder = true;
        session.isScriptOrdered = true;
      }
    } finally {
      locks.release();
    }
  }

  /** The script under way is to start over: it has written no reply. */
  startOver(): void {
    this.execution.isSuspended = true;
  }

  /** The error that the command under way answers is one of a command inside it. */
  errorIsCounted(): void {
    this.execution.isErrorCounted = true;
  }

  /** A command that a script calls is refused. */
  countRefusal(command: RegisteredCommand | null, code: string): void {
    if (command !== null) this.statistics.rejected[command.index]! += 1;
    this.statistics.errorReply(code);
  }

  /** The same for EXEC: all shards of the queue and of the watched keys, before it begins. */
  private runQueued(command: RegisteredCommand, session: ClientSession, args: Arguments): number {
    const { keys, locks, planner, execution, scripts } = this;
    const { queue } = session;
    locks.giveBackKept();
    keys.forget();
    if (session.queuedBytes > LONG_KEY_BYTES) keys.longKeys.begin(session, args, queue!.region);
    try {
      planner.planQueue(session, scripts);
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
    if (this.locks.pressure === null || !mayWrite(command)) return WRITES_NOTHING;
    return args.bytes;
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
    if (this.gates !== 0 && mustPause(command, session, args, this.gates, this.scripts)) {
      return PAUSED;
    }
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
    this.replyRefusal(error);
    return DONE;
  }

  /** Answers an error for a command that did not run. */
  replyRefusal(error: ErrorReply): void {
    this.statistics.errorReply(error.code);
    this.reply.error(error);
  }

  private reject(command: RegisteredCommand, session: ClientSession, error: ErrorReply): number {
    this.statistics.rejected[command.index]! += 1;
    if ((command.traits & TRAIT_RUNS_QUEUE) === 0) return this.refuse(session, error);
    if ((this.gates & GATE_MONITOR) !== 0) this.monitors.note(command, this.args, session);
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
  private suppress(session: ClientSession): void {
    this.reply.rewind(this.reply.kept);
    if (session.replyMode === REPLY_SKIP) session.replyMode = REPLY_ON;
    else if (session.replyMode === REPLY_SKIP_NEXT) session.replyMode = REPLY_SKIP;
  }

  /** The same for a command that waited. */
  suppressResumed(session: ClientSession): void {
    if (session.replyMode !== REPLY_ON && !session.suspended) this.suppress(session);
  }

  // What commands call.

  text(index: number): string {
    const args = this.args;
    return boundedBinary(args.region, args.offset[index]!, args.length[index]!);
  }

  mayReadEveryKey(): boolean {
    const { session, args } = this;
    if (session.permissions === null) return true;
    const command = this.registry.find(args.region, args.offset[0]!, args.length[0]!);
    return command !== null && this.access.allowsEveryKey(session, command, args);
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

  changeLater(shard: number, work: () => void): void {
    runLateChange(this, shard, work);
  }

  runInside(entry: CommandEntry, args: Arguments, reply: Reply): void {
    const command = this.registry.all[entry.index]!;
    if (!command.accepts(args.count)) {
      reply.error(errors.wrongArity(command.fullName));
      return;
    }
    const isLocked =
      (command.traits & TRAIT_LOCK_NONE) !== 0 || this.planner.holdsKeys(command, args);
    if (!isLocked) throw new Error(`the shards of ${command.fullName} are not locked`);
    this.runNested(command, args, reply);
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
        if (this.notifications.isPending) this.notifications.flush();
      }),
    );
  }
}
