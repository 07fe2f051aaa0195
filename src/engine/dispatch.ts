/**
 * The dispatcher: one command from a parsed vector to its reply. It finds the command, has it
 * checked (admission.ts), plans and takes the locks of its keys (locking-plan.ts) and has it run
 * (execution.ts). It is the `Context` of the commands, one per thread. Commands inside others are run by
 * nested-commands.ts.
 *
 * The data path through here (one key, nothing refused) allocates nothing and takes one lock.
 */
import { clock } from '../base/clock.js';
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
import type { Shards } from '../keyspace/shards.js';
import * as errors from '../protocol/errors.js';
import { Arguments } from '../protocol/parser.js';
import type { Reply } from '../protocol/reply.js';
import { AccessControl } from './acl/access-control.js';
import { mustPause, refusalOf, subcommandOf, unknownSubcommand } from './admission.js';
import { Execution } from './execution.js';
import { GATE_MEMORY_LIMIT } from './gates.js';
import { KeyPlanner, leavesKeyless, mayWrite } from './key-planner.js';
import { runLateChange } from './late-change.js';
import { HeldUpError, LockingPlan, WRITES_NOTHING, type WritePressure } from './locking-plan.js';
import type { MemoryGuard } from './memory-guard.js';
import { MonitorFeed } from './monitor-feed.js';
import { NestedCommands } from './nested-commands.js';
import { KeyspaceNotifications } from './notifications.js';
import { Refusals } from './refusals.js';
import {
  type RegisteredCommand,
  type Registry,
  TRAIT_LOCK_ALL,
  TRAIT_LOCK_NONE,
  TRAIT_RUNS_QUEUE,
  TRAIT_RUNS_SCRIPT,
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
  /** By `clock`; a double from the start. */
  private turnBeganMs = Number.NaN;
  /** Where the command under way writes: the thread's reply, but for a command inside another. */
  reply: Reply;
  /** Who wait for keys: set in server/ wiring. Without it no command blocks. */
  waits: Waits | null = null;
  serving: Serving | null = null;
  /** Clients that keep what they read: set in server/ wiring, as who tells them of changes. */
  tracker: Tracker | null = null;
  invalidations: InvalidationSender | null = null;
  /** Set in server/ wiring. Without it there is no maxmemory. */
  memory: MemoryGuard | null = null;
  /** Set in server/ wiring, before the first command. */
  server!: ServerPort;
  scripts: ScriptControl = NO_SCRIPTS;
  readonly keys: Keyspace;
  readonly settings = new CommandSettings();
  readonly locks: LockingPlan;
  readonly notifications: KeyspaceNotifications;
  readonly monitors = new MonitorFeed();
  readonly access = new AccessControl();
  readonly refusals: Refusals;
  readonly execution: Execution;
  readonly planner: KeyPlanner;
  readonly nested: NestedCommands;

  constructor(
    readonly registry: Registry,
    readonly shards: Shards,
    reply: Reply,
    statistics: DispatchStatistics,
    private readonly hooks: DispatcherHooks,
    nobody: ClientSession,
  ) {
    this.reply = reply;
    this.session = nobody;
    this.keys = new Keyspace(shards);
    this.notifications = new KeyspaceNotifications(this.keys);
    this.locks = new LockingPlan(shards, (shard) => this.waitFor(shard));
    this.refusals = new Refusals(this, statistics, (session) => hooks.attacked(session));
    this.planner = new KeyPlanner(this.keys, this.locks, registry);
    this.nested = new NestedCommands(this);
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

  /** Microseconds of the commands that were timed since this was last set. */
  get workedMicros(): number {
    return this.execution.workedMicros;
  }

  set workedMicros(micros: number) {
    this.execution.workedMicros = micros;
  }

  /** The one shard whose lock the last command took; -1 when it took several. */
  get lastShard(): number {
    return this.locks.lastShard;
  }

  /** Whether the command under way runs for a client that has waited for it. */
  isServed = false;

  /** Id of the client whose command is under way, be it one that is served. */
  get author(): number {
    return this.isServed ? this.serving!.clientId : this.session.id;
  }

  get inTransaction(): boolean {
    return this.nested.depth > 0;
  }

  get inScript(): boolean {
    return this.inTransaction && !this.nested.isAttending && this.scripts.isRunning;
  }

  get isWaiting(): boolean {
    return this.locks.isWaiting || this.scripts.isServing;
  }

  set pressure(pressure: WritePressure | null) {
    this.locks.pressure = pressure;
  }

  /** Called once a turn: the clock and what the server's state forbids. */
  beginTurn(nowMs: number, gates: number): void {
    this.setNow(nowMs);
    this.turnBeganMs = clock.now();
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
      // A script that runs for too long holds what the command needs.
      const command = this.registry.all[session.lastCommand]!;
      status = this.refusals.reject(command, session, this.scripts.busyError);
    }
    if (this.notifications.isPending) this.notify(session, begin);
    if (this.gates !== 0 && this.monitors.isPending) this.monitors.flush();
    const { longKeys } = this.keys;
    if (longKeys.isOpen) longKeys.end(session, status === BUSY || status === DEFERRED);
    if (status === DONE && session.replyMode !== REPLY_ON) this.suppress(session);
    // The invalidation of what a client has changed itself follows its reply.
    if (this.keys.invalidations.isPending) this.invalidations?.flush();
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

  /** The command that a vector names, or null: then the client has the error. */
  find(session: ClientSession, args: Arguments): RegisteredCommand | null {
    const command = this.registry.find(args.region, args.offset[0]!, args.length[0]!);
    if (command === null) {
      this.refusals.unknown(session, args);
      return null;
    }
    const subcommand =
      command.hasSubcommands && args.count > 1 ? subcommandOf(command, args) : command;
    if (subcommand === undefined) this.refusals.before(session, unknownSubcommand(args));
    else session.lastCommand = subcommand.index;
    return subcommand ?? null;
  }

  private admit(session: ClientSession, args: Arguments): number {
    const command = this.find(session, args);
    if (command === null) return DONE;
    const traits = this.traitsOf(command, session, args);
    if ((this.gates & GATE_MEMORY_LIMIT) !== 0) {
      this.gates = this.memory!.gatesFor(command, session, this.gates);
    }
    const refusal = refusalOf(command, traits, session, args, this.access, this.gates);
    if (refusal !== null) return this.refusals.reject(command, session, refusal);
    if (this.gates !== 0 && mustPause(command, session, args, this.gates, this.scripts)) {
      return PAUSED;
    }
    if (session.inMulti) {
      if ((command.traits & TRAIT_TRANSACTION_CONTROL) === 0) {
        return this.enqueue(command, traits, session, args);
      }
      if ((command.traits & TRAIT_RUNS_QUEUE) !== 0 && !session.multiAborted) {
        return this.runQueued(command, session, args);
      }
    }
    return this.runLocked(command, session, args);
  }

  /** What the server's state is held against: for a script that is queued its own flags count. */
  traitsOf(command: RegisteredCommand, session: ClientSession, args: Arguments): number {
    const { traits } = command;
    if (!session.inMulti || (traits & TRAIT_RUNS_SCRIPT) === 0) return traits;
    return this.scripts.traitsOf(command, args);
  }

  enqueue(
    command: RegisteredCommand,
    traits: number,
    session: ClientSession,
    args: Arguments,
  ): number {
    // An aborted transaction never runs, so its queue needs no locks.
    if (!session.multiAborted) {
      session.queue ??= new TransactionQueue();
      if (!session.queue.add(command, traits, args)) {
        return this.refusals.reject(command, session, errors.QUEUE_TOO_LONG);
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

  // Locks.

  /** Locks the shards of the command's keys, runs it, unlocks. */
  private runLocked(command: RegisteredCommand, session: ClientSession, args: Arguments): number {
    const { keys, locks } = this;
    const { firstKey, traits } = command;
    keys.database = session.database;
    if (!command.hasOneKey(args.count) || (traits & (TRAIT_LOCK_ALL | TRAIT_LOCK_NONE)) !== 0) {
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
    keys.forget();
    if (args.bytes > LONG_KEY_BYTES) keys.longKeys.begin(session, args, null);
    let outcome = BUSY;
    try {
      if ((command.traits & TRAIT_LOCK_NONE) === 0) this.planner.plan(command, args);
      if (locks.isEmpty) {
        locks.giveBackKept();
        locks.lastShard = -1;
        const isPutOff = leavesKeyless(command) && locks.isKeylessPutOff(session, args.bytes);
        return isPutOff ? DEFERRED : execution.run(command, args);
      }
      outcome = locks.takePlanned(session, this.pressedBytes(command, args));
      if (outcome === DONE) outcome = execution.runAsTransaction(command, args);
    } finally {
      locks.release(outcome === DONE);
    }
    return outcome;
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
        const { mark } = this.monitors;
        if (execution.runAsTransaction(command, args) !== SUSPENDED) {
          session.isScriptOrdered = false;
          return DONE;
        }
        this.monitors.rewind(mark);
        locks.release();
        keys.forget();
        inOrder = true;
        session.isScriptOrdered = true;
      }
    } finally {
      locks.release();
    }
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

  /**
   * Time stands still within EXEC and a script. Who is served then is so at the time that it is by now: a
   * key that has expired meanwhile is not there any more, as in Redis.
   */
  serveReady(): void {
    if (this.serving === null) {
      this.keys.ready.clear();
      return;
    }
    const { now } = this;
    this.setNow(now + Math.floor(clock.now() - this.turnBeganMs));
    try {
      this.serving.serve();
    } finally {
      this.setNow(now);
    }
  }

  private setNow(nowMs: number): void {
    this.now = nowMs;
    this.keys.now = nowMs;
  }

  /** Runs a command for a client that waited, within the one under way. @returns its changes */
  runServed(
    client: ClientSession,
    command: RegisteredCommand,
    args: Arguments,
    reply: Reply,
  ): number {
    const { session, execution } = this;
    const { isRepeat } = execution;
    this.session = client;
    this.isServed = true;
    execution.isRepeat = true;
    try {
      this.nested.run(command, args, reply);
      return this.nested.changes;
    } finally {
      this.session = session;
      this.isServed = false;
      execution.isRepeat = isRepeat;
    }
  }

  /** Writes the reply of a command that was left unanswered. */
  answerLater(session: ClientSession, write: () => void): void {
    this.session = session;
    this.execution.answerLater(this.registry.all[session.lastCommand], write);
  }

  /** Runs the command of a client that waits once more, with the locks of all its keys. */
  dispatchAgain(session: ClientSession, args: Arguments): number {
    const command = this.registry.all[session.lastCommand]!;
    if (this.gates !== 0 && mustPause(command, session, args, this.gates, this.scripts)) {
      return PAUSED;
    }
    this.session = session;
    this.args = args;
    this.execution.isRepeat = true;
    try {
      return this.runLocked(command, session, args);
    } finally {
      this.execution.isRepeat = false;
    }
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

  // Failures.

  /** An exception outside of a command: on the way to it, or when its locks were given back. */
  fail(session: ClientSession, begin: number, error: unknown): void {
    this.keys.longKeys.end(session, false);
    session.multiAborted = session.inMulti;
    this.reply.rewind(begin);
    this.reply.error(errors.INTERNAL);
    this.hooks.failed('', error);
  }

  /** CLIENT REPLY OFF and SKIP: discards the reply that was written. */
  suppress(session: ClientSession): void {
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
    this.nested.runInside(entry, args, reply);
  }

  suspend(cancelled: (reason: Cancellation) => void): Suspension {
    if (this.inTransaction && !this.nested.isAttending) {
      throw new Error('a command may not suspend inside another');
    }
    this.execution.isSuspended = true;
    return suspendSession(this.session, cancelled, (session, write) =>
      this.hooks.resumed(session, () => {
        this.answerLater(session, () => write(this));
        this.suppressResumed(session);
        if (this.notifications.isPending) this.notifications.flush();
      }),
    );
  }
}
