/**
 * The dispatcher: one command from a parsed vector to its reply. It finds the command, checks what
 * every command is checked for (in Redis's order, as that decides which error wins), locks the
 * shards of its keys, runs it, hands the effect on and keeps the statistics. It is the `Context` of
 * the commands, one per thread.
 *
 * The data path through here (one key, nothing refused) allocates nothing and takes one lock.
 */
import { BUSY, DONE, PAUSED, SUSPENDED } from '../base/outcome.js';
import { toBinary } from '../base/region.js';
import type { Context, Suspension } from '../commands/contract/context.js';
import type { ServerPort } from '../commands/contract/server-port.js';
import { REPLY_ON, REPLY_SKIP, REPLY_SKIP_NEXT } from '../commands/contract/session.js';
import { Keyspace, StoreFullError } from '../keyspace/keyspace.js';
import type { Shards } from '../keyspace/shards.js';
import type { ErrorReply } from '../protocol/errors.js';
import * as errors from '../protocol/errors.js';
import { Arguments } from '../protocol/parser.js';
import type { Reply } from '../protocol/reply.js';
import {
  GATE_LOADING,
  GATE_MASTER_DOWN,
  GATE_MEMORY,
  GATE_NO_REPLICAS,
  GATE_PAUSE_ALL,
  GATE_PAUSE_WRITES,
  GATE_READ_ONLY,
} from './gates.js';
import { keyPlacesOf } from './key-places.js';
import {
  type RegisteredCommand,
  type Registry,
  TRAIT_DENY_OOM,
  TRAIT_LOADING,
  TRAIT_LOCK_ALL,
  TRAIT_LOCK_NONE,
  TRAIT_MAY_REPLICATE,
  TRAIT_NO_AUTH,
  TRAIT_NO_MULTI,
  TRAIT_SIMPLE_KEYS,
  TRAIT_STALE,
  TRAIT_TIMED,
  TRAIT_TRANSACTION_CONTROL,
  TRAIT_WRITE,
} from './registry.js';
import type { ClientSession } from './session.js';
import { ShardSet } from './shard-set.js';
import type { DispatchStatistics } from './statistics.js';
import { TransactionQueue } from './transaction-queue.js';

/** One O(1) command in so many has its time taken; the rest is apportioned. */
const SAMPLE_INTERVAL = 64;
const MINUS = 0x2d;

/** How long a command waits for locks, in spins (about 5 ns each), until one was in vain. */
const PATIENCE_SPINS = 600;
/** So many times that for several shards: who holds one of them holds it for a longer command. */
const SET_PATIENCE = 8;
/** How often a client is answered BUSY before its command sleeps until it has its locks. */
const BUSY_IN_ROW_MAX = 8;
/** Longest such sleep: clients of free shards, and threads with questions, wait for this one. */
const SLEEP_MS_MAX = 10;

/** Whether a write to a shard has to wait a little, for the sake of a replica. */
export interface WritePressure {
  /**
   * @param bytes of the command, or of a transaction's commands
   * @param sinceMs when the client was first put off for this command, 0 when it was not
   */
  mustWait(shard: number, bytes: number, sinceMs: number, nowMs: number): boolean;
}

export interface DispatcherHooks {
  /** An exception in a command, after its locks were given back. */
  failed(command: string, error: unknown): void;
  /** A client spoke HTTP; it is being cut off. */
  attacked(session: ClientSession): void;
  /** The command under way waits for a shard: called every few milliseconds, with no lock held. */
  waiting(): void;
  /** A suspended client can go on: the reply is to be written and its input served again. */
  resumed(session: ClientSession, write: () => void): void;
}

export class Dispatcher implements Context {
  args = new Arguments();
  session: ClientSession;
  now = 0;
  inTransaction = false;
  gates = 0;
  /** Commands run since the start, by this thread. */
  processed = 0;
  /** Set in server/ wiring, before the first command. */
  server!: ServerPort;
  /** Set while writes go to a journal. */
  pressure: WritePressure | null = null;
  readonly keys: Keyspace;
  readonly lockedSet: ShardSet;
  /** The command under way is waiting for a shard, and the thread serves other threads' questions. */
  isWaiting = false;
  private readonly queued = new Arguments();
  /** Of the transaction under way, the shards that it writes to. */
  private readonly writtenSet: ShardSet;
  private suspendedNow = false;
  private sample = SAMPLE_INTERVAL;
  /** The single shard locked by the command under way, or -1. */
  private lockedShard = -1;
  /** Of this turn: how long to wait for locks, and whether a command slept for them in vain. */
  private patience = PATIENCE_SPINS;
  private sleptInVain = false;

  constructor(
    readonly registry: Registry,
    readonly shards: Shards,
    readonly reply: Reply,
    private readonly statistics: DispatchStatistics,
    private readonly hooks: DispatcherHooks,
    nobody: ClientSession,
  ) {
    this.keys = new Keyspace(shards);
    this.lockedSet = new ShardSet(shards);
    this.writtenSet = new ShardSet(shards);
    this.session = nobody;
  }

  /** Called once a turn: the clock and what the server's state forbids. */
  beginTurn(nowMs: number, gates: number): void {
    this.now = nowMs;
    this.keys.now = nowMs;
    this.gates = gates;
    this.patience = PATIENCE_SPINS;
    this.sleptInVain = false;
  }

  /** Runs one command of a client. Returns one of base/outcome.ts. */
  dispatch(session: ClientSession, args: Arguments): number {
    this.session = session;
    this.args = args;
    const reply = this.reply;
    const begin = reply.position - reply.start;
    const status = this.admit(session, args);
    if (status === DONE && session.replyMode !== REPLY_ON) this.suppress(session, begin);
    return status;
  }

  private admit(session: ClientSession, args: Arguments): number {
    let command = this.registry.find(args.region, args.offset[0]!, args.length[0]!);
    if (command === null) {
      if (this.isForeignProtocol(session)) return DONE;
      return this.refuse(session, this.unknownCommand());
    }
    if (command.hasSubcommands && args.count > 1) {
      const subcommand = command.subcommands.get(this.text(1).toLowerCase());
      if (subcommand === undefined) {
        return this.refuse(session, errors.unknownSubcommand(command.fullName, this.text(1)));
      }
      command = subcommand;
    }
    const arity = command.arity;
    if (arity > 0 ? args.count !== arity : args.count < -arity) {
      return this.reject(command, session, errors.wrongArity(command.fullName));
    }
    const traits = command.traits;
    if (!session.authenticated && (traits & TRAIT_NO_AUTH) === 0) {
      return this.reject(command, session, errors.NO_AUTH);
    }
    if (session.inMulti && (traits & TRAIT_NO_MULTI) !== 0) {
      return this.reject(command, session, errors.NOT_IN_TRANSACTION);
    }
    if (this.gates !== 0) {
      const refusal = this.refusal(command, session);
      if (refusal !== null) return this.reject(command, session, refusal);
      if (this.mustPause(command, session)) return PAUSED;
    }
    if (session.inMulti && (traits & TRAIT_TRANSACTION_CONTROL) === 0) {
      session.queue ??= new TransactionQueue();
      session.queue.add(command, args);
      this.reply.simple('QUEUED');
      return DONE;
    }
    session.lastCommand = command.index;
    if (session.inMulti && !session.multiAborted && command.fullName === 'exec') {
      return this.runExec(command, args);
    }
    return this.runLocked(command, args);
  }

  /** Locks the shards of the command's keys, runs it, unlocks. */
  private runLocked(command: RegisteredCommand, args: Arguments): number {
    const traits = command.traits;
    const keys = this.keys;
    const firstKey = command.firstKey;
    keys.database = this.session.database;
    if (firstKey === 0 || (traits & (TRAIT_LOCK_ALL | TRAIT_LOCK_NONE)) !== 0) {
      keys.forget();
      if ((traits & TRAIT_LOCK_ALL) !== 0) this.lockedSet.addAll();
      else if (firstKey === 0 && command.hasMovableKeys) this.markKeys(command, args);
      return this.runWithSet(command, args);
    }
    // A negative lastKey counts from the end: DEL with one key has one shard like GET.
    const lastKey = command.lastKey < 0 ? args.count + command.lastKey : command.lastKey;
    if (lastKey !== firstKey || (traits & TRAIT_SIMPLE_KEYS) === 0) {
      keys.forget();
      this.markKeys(command, args);
      return this.runWithSet(command, args);
    }
    keys.prepare(args, firstKey);
    const shard = keys.preparedShard;
    if (!this.shards.tryLock(shard, this.patience) && !this.lockAnyway(shard)) return BUSY;
    if (
      this.pressure !== null &&
      (traits & TRAIT_WRITE) !== 0 &&
      this.isPutOff(shard, args.bytes)
    ) {
      this.shards.unlock(shard);
      return PAUSED;
    }
    this.lockedShard = shard;
    const status = this.run(command, args);
    this.lockedShard = -1;
    this.shards.unlock(shard);
    return status;
  }

  private runWithSet(command: RegisteredCommand, args: Arguments): number {
    const set = this.lockedSet;
    if (set.size === 0) return this.run(command, args);
    if (!this.lockSet()) return BUSY;
    if (
      this.pressure !== null &&
      (command.traits & TRAIT_WRITE) !== 0 &&
      this.isSetPutOff(set, args.bytes)
    ) {
      set.unlock();
      return PAUSED;
    }
    // What it does to several keys reaches replicas as one whole.
    this.keys.effects.beginTransaction();
    const status = this.run(command, args);
    this.keys.effects.endTransaction();
    set.unlock();
    return status;
  }

  /** EXEC: all shards of its queue and of the watched keys are locked before it begins. */
  private runExec(command: RegisteredCommand, args: Arguments): number {
    const { session, lockedSet, writtenSet } = this;
    this.keys.forget();
    this.markQueue(session);
    this.keys.forget();
    if (lockedSet.size === 0) return this.run(command, args);
    if (!this.lockSet()) return BUSY;
    if (this.pressure !== null && this.isSetPutOff(writtenSet, session.queue?.bytes ?? 0)) {
      lockedSet.unlock();
      return PAUSED;
    }
    const status = this.run(command, args);
    lockedSet.unlock();
    return status;
  }

  /** Marks every shard that the session's transaction touches, and those that it writes to. */
  private markQueue(session: ClientSession): void {
    const { lockedSet, writtenSet, queued } = this;
    const { queue } = session;
    const count = queue === null ? 0 : queue.length;
    writtenSet.clear();
    for (const watched of session.watched) lockedSet.add(watched.shard);
    for (let i = 0; i < count; i++) {
      const command = queue!.commands[i]!;
      // It would lock shards one by one as it goes, which is not possible under other locks.
      if ((command.traits & TRAIT_LOCK_NONE) !== 0) lockedSet.addAll();
      queue!.load(i, queued);
      this.markKeys(command, queued);
      if (this.pressure !== null && (command.traits & TRAIT_WRITE) !== 0) {
        this.markKeys(command, queued, writtenSet);
      }
    }
  }

  /** Takes the locks of the marked shards. False: the command is to be answered BUSY. */
  private lockSet(): boolean {
    const { session, lockedSet } = this;
    if (lockedSet.tryLock(this.patience * SET_PATIENCE)) {
      session.busyInRow = 0;
      return true;
    }
    if (this.maySleep(session)) {
      if (lockedSet.lockBefore(performance.now() + SLEEP_MS_MAX)) {
        session.busyInRow = 0;
        return true;
      }
      this.sleptInVain = true;
    }
    lockedSet.clear();
    return false;
  }

  /** The same for a single shard that stayed taken. */
  private lockAnyway(shard: number): boolean {
    const { session } = this;
    if (!this.maySleep(session)) return false;
    if (this.shards.lockBefore(shard, performance.now() + SLEEP_MS_MAX)) {
      session.busyInRow = 0;
      return true;
    }
    this.sleptInVain = true;
    return false;
  }

  /** Whether a client whose command met a taken shard has been put off often enough. */
  private maySleep(session: ClientSession): boolean {
    // The holder may not even be running: nobody else needs to spin for it in this turn.
    this.patience = 0;
    session.busyInRow++;
    return session.busyInRow > BUSY_IN_ROW_MAX && !this.sleptInVain;
  }

  /** Whether a write of the client has to wait, for the shard that is locked. */
  private isPutOff(shard: number, bytes: number): boolean {
    const { session } = this;
    if (this.pressure!.mustWait(shard, bytes, session.putOffSinceMs, this.now)) {
      if (session.putOffSinceMs === 0) session.putOffSinceMs = this.now;
      return true;
    }
    session.putOffSinceMs = 0;
    return false;
  }

  private isSetPutOff(set: ShardSet, bytes: number): boolean {
    const { shards } = this;
    const sinceMs = this.session.putOffSinceMs;
    for (let shard = 0; shard < shards.count; shard++) {
      // After the first wait has run out for one shard, the others do not begin another.
      if (set.has(shard) && this.isPutOff(shard, bytes)) return true;
      this.session.putOffSinceMs = sinceMs;
    }
    this.session.putOffSinceMs = 0;
    return false;
  }

  /** Marks the shards of all keys of a command vector in the set. */
  markKeys(command: RegisteredCommand, args: Arguments, set = this.lockedSet): void {
    if ((command.traits & TRAIT_LOCK_ALL) !== 0) {
      set.addAll();
      return;
    }
    if ((command.traits & TRAIT_SIMPLE_KEYS) !== 0) {
      if (command.firstKey === 0) return;
      const last = command.lastKey >= 0 ? command.lastKey : args.count + command.lastKey;
      const end = Math.min(last, args.count - 1);
      for (let i = command.firstKey; i <= end; i += command.keyStep)
        set.add(this.keys.mark(args, i));
      return;
    }
    const texts: string[] = [];
    for (let i = 0; i < args.count; i++) {
      texts.push(toBinary(args.region, args.offset[i]!, args.length[i]!));
    }
    for (const place of keyPlacesOf(command.keySpecifications, texts) ?? []) {
      set.add(this.keys.mark(args, place.index));
    }
  }

  /**
   * Runs a command whose shards are locked. Whatever happens in it, exactly one reply is written
   * and the caller gets to unlock.
   */
  run(command: RegisteredCommand, args: Arguments): number {
    const reply = this.reply;
    const begin = reply.position - reply.start;
    const statistics = this.statistics;
    const sampled = --this.sample === 0;
    if (sampled) this.sample = SAMPLE_INTERVAL;
    const timed = (command.traits & TRAIT_TIMED) !== 0 || statistics.timeEverything;
    const startMs = sampled || timed ? performance.now() : 0;
    this.keys.beginCommand((command.traits & TRAIT_WRITE) !== 0);
    this.suspendedNow = false;
    try {
      command.run(this);
      if (this.keys.changes !== 0) this.keys.settle();
    } catch (error) {
      this.recover(command, begin, error);
    }
    this.processed++;
    statistics.calls[command.index]! += 1;
    if (startMs !== 0) {
      const microseconds = (performance.now() - startMs) * 1000;
      statistics.microseconds[command.index]! += timed
        ? microseconds
        : microseconds * SAMPLE_INTERVAL;
      statistics.timed(command, args, this.session, microseconds);
    }
    if (this.suspendedNow) return SUSPENDED;
    if (reply.region.bytes[reply.start + begin] === MINUS) this.countError(command, begin);
    return DONE;
  }

  private recover(command: RegisteredCommand, begin: number, error: unknown): void {
    const reply = this.reply;
    reply.position = reply.start + begin;
    if (error instanceof StoreFullError) {
      reply.errorText(errors.shardFull(error.shard, error.shards, error.shardBytes));
      return;
    }
    reply.errorText(`ERR internal error in '${command.fullName}', see the server's log`);
    this.hooks.failed(command.fullName, error);
  }

  private countError(command: RegisteredCommand, begin: number): void {
    const { region, start, position } = this.reply;
    const from = start + begin + 1;
    let end = from;
    while (end < position && region.bytes[end]! > 0x20) end++;
    this.statistics.failed[command.index]! += 1;
    this.statistics.errorReply(toBinary(region, from, end - from));
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
    session.multiAborted = session.inMulti;
    if (command.fullName === 'exec') {
      // EXEC that cannot be run ends the transaction, and says why.
      this.server.transactions.discard(session);
      const cause = error.text.replace(/^ERR /, '');
      this.statistics.errorReply('EXECABORT');
      this.reply.errorText(`EXECABORT Transaction discarded because of: ${cause}`);
      return DONE;
    }
    this.statistics.errorReply(error.code);
    this.reply.error(error);
    return DONE;
  }

  /**
   * POST and Host: are no commands but the beginning of HTTP, which a web page may have been made to
   * send here: the connection closes without an answer, before it comes to the body.
   */
  private isForeignProtocol(session: ClientSession): boolean {
    const name = this.text(0).toLowerCase();
    if (name !== 'post' && name !== 'host:') return false;
    this.hooks.attacked(session);
    session.closeAfterReply = true;
    return true;
  }

  private unknownCommand(): ErrorReply {
    const texts: string[] = [];
    for (let i = 0; i < this.args.count; i++) texts.push(this.text(i));
    return errors.unknownCommand(texts);
  }

  /** Why the server's state refuses a command, or null. */
  private refusal(command: RegisteredCommand, session: ClientSession): ErrorReply | null {
    const traits = command.traits;
    const gates = this.gates;
    const writes = (traits & (TRAIT_WRITE | TRAIT_MAY_REPLICATE)) !== 0;
    if ((gates & GATE_MEMORY) !== 0 && (traits & TRAIT_DENY_OOM) !== 0 && !session.isReplica) {
      if (session.inMulti) session.multiAborted = true;
      return errors.OOM;
    }
    if (writes && !session.isReplica) {
      if ((gates & GATE_NO_REPLICAS) !== 0) return errors.NO_REPLICAS;
      if ((gates & GATE_READ_ONLY) !== 0) return errors.READ_ONLY;
    }
    if ((gates & GATE_MASTER_DOWN) !== 0 && (traits & TRAIT_STALE) === 0) {
      return errors.MASTER_DOWN;
    }
    if ((gates & GATE_LOADING) !== 0 && (traits & TRAIT_LOADING) === 0) return errors.LOADING;
    return null;
  }

  private mustPause(command: RegisteredCommand, session: ClientSession): boolean {
    if (session.isReplica || session.isReplicaClient) return false;
    if ((this.gates & GATE_PAUSE_ALL) !== 0) return true;
    if ((this.gates & GATE_PAUSE_WRITES) === 0) return false;
    const traits = command.traits;
    if ((traits & TRAIT_TRANSACTION_CONTROL) === 0 || session.queue === null) {
      return (traits & (TRAIT_WRITE | TRAIT_MAY_REPLICATE)) !== 0;
    }
    const queue = session.queue.commands;
    return (
      command.fullName === 'exec' &&
      queue.some((queued) => (queued.traits & (TRAIT_WRITE | TRAIT_MAY_REPLICATE)) !== 0)
    );
  }

  /** CLIENT REPLY OFF and SKIP: takes the reply back. */
  private suppress(session: ClientSession, begin: number): void {
    this.reply.position = this.reply.start + begin;
    if (session.replyMode === REPLY_SKIP) session.replyMode = REPLY_ON;
    else if (session.replyMode === REPLY_SKIP_NEXT) session.replyMode = REPLY_SKIP;
  }

  text(index: number): string {
    const args = this.args;
    return toBinary(args.region, args.offset[index]!, args.length[index]!);
  }

  withShard(shard: number, work: () => void): void {
    if (this.lockedShard === shard || (this.lockedSet.locked && this.lockedSet.has(shard))) {
      work();
      return;
    }
    if (this.lockedSet.locked) throw new Error(`shard ${shard} is not among those locked`);
    this.awaitShard(shard);
    this.lockedShard = shard;
    try {
      work();
    } finally {
      this.lockedShard = -1;
      this.shards.unlock(shard);
    }
  }

  /** Takes a shard's lock within a command, serving other threads' questions meanwhile. */
  private awaitShard(shard: number): void {
    if (this.shards.tryLock(shard)) return;
    this.isWaiting = true;
    try {
      while (!this.shards.lockBefore(shard, performance.now() + SLEEP_MS_MAX)) this.hooks.waiting();
    } finally {
      this.isWaiting = false;
    }
  }

  suspend(cancelled: (reason: 'closed' | 'unblock' | 'unblock-error') => void): Suspension {
    if (this.inTransaction) throw new Error('a command may not suspend inside EXEC');
    const session = this.session;
    this.suspendedNow = true;
    session.suspended = true;
    session.cancelSuspension = cancelled;
    const number = ++session.suspensions;
    return {
      resume: (write) => {
        if (!session.suspended || session.suspensions !== number) return;
        session.suspended = false;
        session.cancelSuspension = null;
        this.hooks.resumed(session, () => {
          this.session = session;
          write(this);
        });
      },
    };
  }
}
