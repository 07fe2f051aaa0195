/**
 * Running one command whose shards are locked: whatever happens in it, exactly one reply is written
 * and its caller can release the locks. Its effect is handed on and its statistics are kept.
 *
 * An exception may have left a change without its effect. No replica may go on from there: the
 * journal is told that the effects of the locked shards are lost.
 */
import { clock } from '../base/clock.js';
import { DONE, SUSPENDED } from '../base/outcome.js';
import { prefixBinary } from '../base/region.js';
import type { Context } from '../commands/contract/context.js';
import { SHORT_ARGUMENTS_MAX } from '../commands/contract/definition.js';
import { UnansweredError } from '../commands/contract/server-port.js';
import { StoreFullError } from '../keyspace/keyspace.js';
import * as errors from '../protocol/errors.js';
import type { Arguments } from '../protocol/parser.js';
import { ReplyTooLongError } from '../protocol/reply.js';
import { GATE_MONITOR } from './gates.js';
import { HeldUpError, type LockingPlan } from './locking-plan.js';
import type { MonitorFeed } from './monitor-feed.js';
import { type RegisteredCommand, TRAIT_RUNS_SCRIPT, TRAIT_TIMED, TRAIT_WRITE } from './registry.js';
import type { ClientSession } from './session.js';
import type { DispatchStatistics } from './statistics.js';
import type { Tracker } from './tracking/tracker.js';
import type { Waits } from './waits.js';

/** One in this many short commands is timed; its time stands for those in between. */
const SAMPLE_INTERVAL = 64;
const MINUS = 0x2d;
/** INFO errorstats counts by the first word of an error. */
const ERROR_CODE_BYTES_MAX = 30;
const SPACE = 0x20;

/** Whether a command may take its time. A script tells it itself. */
export function isLong({ traits, shortArguments }: RegisteredCommand, args: Arguments): boolean {
  if ((traits & TRAIT_RUNS_SCRIPT) !== 0) return false;
  if (args.count <= shortArguments) return false;
  return (traits & TRAIT_TIMED) !== 0 || args.count > SHORT_ARGUMENTS_MAX;
}

/** The thread's context, and whose command it shows. */
export interface ExecutionContext extends Context {
  readonly session: ClientSession;
  readonly gates: number;
  readonly monitors: MonitorFeed;
  readonly waits: Waits | null;
  readonly tracker: Tracker | null;
  /** Serves clients that wait for keys which have changed. */
  serveReady(): void;
}

export class Execution {
  /** Commands run since the start, by this thread. */
  processed = 0;
  /** Of the commands that were timed; whoever wants to know of some sets it back. */
  workedMicros = 0;
  /** The command under way waits for something: it has written no reply. */
  isSuspended = false;
  /** The command under way has waited for its keys: it was shown and counted when its client sent it. */
  isRepeat = false;
  /** The command under way has failed, and its error was counted where it happened. */
  isErrorCounted = false;
  /**
   * When the command under way began, told by a script that turned out to take time; 0 for all others.
   * Short scripts are sampled as short commands are: the clock costs more than what many of them do.
   * A double from the start.
   */
  beganMs = Number.NaN;
  private sample = SAMPLE_INTERVAL;

  /** @param failed told of every exception */
  constructor(
    private readonly context: ExecutionContext,
    private readonly locks: LockingPlan,
    private readonly statistics: DispatchStatistics,
    private readonly failed: (command: string, error: unknown) => void,
  ) {}

  /** Runs the context's command. @returns DONE or SUSPENDED */
  run(command: RegisteredCommand, args: Arguments): number {
    const { context, statistics } = this;
    const { reply, keys } = context;
    const begin = reply.position - reply.start;
    const sampled = --this.sample === 0;
    if (sampled) this.sample = SAMPLE_INTERVAL;
    const timed = isLong(command, args) || statistics.timeEverything;
    const startMs = sampled || timed ? clock.now() : 0;
    this.beganMs = 0;
    keys.beginCommand((command.traits & TRAIT_WRITE) !== 0);
    if (keys.tracksUse && context.session.noTouch) keys.findWithoutUse();
    this.isSuspended = false;
    this.isErrorCounted = false;
    const isWatched = (context.gates & GATE_MONITOR) !== 0;
    if (isWatched && command.runsScript !== undefined) {
      context.monitors.noteScript(command, args, context.session);
    }
    try {
      if (context.session.tracking === null) command.run(context);
      else this.runTracked(command, args);
      if (keys.changes !== 0) keys.settle();
    } catch (error) {
      this.recover(command, begin, error);
    }
    if (!this.isRepeat) {
      if (isWatched) context.monitors.note(command, args, context.session);
      this.processed++;
      statistics.calls[command.index]! += 1;
    }
    if (startMs !== 0 || this.beganMs !== 0) this.took(command, args, timed, startMs);
    if (this.isSuspended) return SUSPENDED;
    if (this.isErrorCounted) statistics.failed[command.index]! += 1;
    else if (reply.region.bytes[reply.start + begin] === MINUS) this.countError(command, begin);
    return DONE;
  }

  /** For a client that keeps what it reads: notes the keys, under the locks that they were read with. */
  private runTracked(command: RegisteredCommand, args: Arguments): void {
    const { context } = this;
    const { session } = context;
    const tracker = context.tracker!;
    if ((command.traits & TRAIT_RUNS_SCRIPT) !== 0) tracker.beginScript(command, args);
    command.run(context);
    if (session.tracking !== null) tracker.afterCommand(session, command, args);
  }

  /**
   * The same for a command on one key. When it has several effects (MOVE, SPOP of thousands) they reach
   * replicas as one whole.
   */
  runAsGroup(command: RegisteredCommand, args: Arguments): number {
    const { reply, keys } = this.context;
    const begin = reply.position - reply.start;
    let status = DONE;
    keys.effects.beginGroup();
    try {
      status = this.run(command, args);
      this.afterCommand();
      keys.effects.endGroup();
    } catch (error) {
      this.recover(command, begin, error);
    }
    return status;
  }

  /**
   * The same for a command over several shards: what it does reaches replicas as one whole. Its
   * reply is an error when the journal did not accept the effects.
   */
  runAsTransaction(command: RegisteredCommand, args: Arguments): number {
    const { reply, keys } = this.context;
    const begin = reply.position - reply.start;
    let status = DONE;
    try {
      keys.effects.beginTransaction();
      status = this.run(command, args);
      this.afterCommand();
      keys.effects.endTransaction();
    } catch (error) {
      this.recover(command, begin, error);
    }
    return status;
  }

  /** The shards are locked still: serves clients that wait for what the command has changed. */
  private afterCommand(): void {
    const { context } = this;
    const { waits } = context;
    if (waits?.isTrying) waits.afterCommand(this.isSuspended);
    if (context.keys.ready.count > 0) context.serveReady();
  }

  /** @param startMs 0 when only the command knows when it began */
  private took(command: RegisteredCommand, args: Arguments, timed: boolean, startMs: number): void {
    const { statistics, beganMs } = this;
    const microseconds = (clock.now() - (startMs !== 0 ? startMs : beganMs)) * 1000;
    const weight = timed || beganMs !== 0 ? 1 : SAMPLE_INTERVAL;
    this.beganMs = 0;
    this.workedMicros = (this.workedMicros + microseconds) | 0;
    statistics.microseconds[command.index]! += microseconds * weight;
    statistics.timed(command, args, this.context.session, microseconds);
  }

  /** Answers a command that ended in an exception. */
  recover(command: RegisteredCommand, begin: number, error: unknown): void {
    const { reply, keys } = this.context;
    reply.rewind(begin);
    if (error instanceof StoreFullError) {
      reply.errorText(errors.shardFull(error.shard, error.shards, error.shardBytes));
      return;
    }
    if (error instanceof UnansweredError && keys.changes === 0) {
      reply.error(errors.unanswered(command.fullName.toUpperCase().replace('|', ' ')));
      return;
    }
    if (error instanceof HeldUpError && keys.changes === 0) {
      reply.error(error.reply);
      return;
    }
    const isTooLong = error instanceof ReplyTooLongError;
    if (keys.effects.active && (!isTooLong || keys.changes !== 0)) {
      keys.effects.lost(this.locks.held);
    }
    if (isTooLong) {
      reply.error(errors.REPLY_TOO_LONG);
      return;
    }
    reply.error(errors.internalError(command.fullName));
    this.failed(command.fullName, error);
  }

  /** Writes the reply of a command that was left unanswered, and counts it when it is an error. */
  answerLater(command: RegisteredCommand | undefined, write: () => void): void {
    const { reply } = this.context;
    const begin = reply.position - reply.start;
    write();
    if (command === undefined || reply.position - reply.start === begin) return;
    if (reply.region.bytes[reply.start + begin] === MINUS) this.countError(command, begin);
  }

  private countError(command: RegisteredCommand, begin: number): void {
    const { region, start, position } = this.context.reply;
    const from = start + begin + 1;
    const limit = Math.min(position, from + ERROR_CODE_BYTES_MAX + 1);
    let end = from;
    while (end < limit && region.bytes[end]! > SPACE) end++;
    // As in Redis: a first word that is too long, or the only one, is no code.
    const hasCode = end < limit && region.bytes[end] === SPACE;
    this.statistics.failed[command.index]! += 1;
    this.statistics.errorReply(hasCode ? prefixBinary(region, from, end - from, limit) : 'ERR');
  }
}
