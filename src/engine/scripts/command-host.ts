/**
 * redis.call and redis.pcall: a script's commands, checked in Redis's order, with their shards locked,
 * run through the dispatcher, and their replies as Lua values. What a refused command answers is an
 * error table like any error reply.
 *
 * The vector and the reply lie in regions of this host's own, since those of the client's command are
 * in use. One script runs at a time.
 */
import { MESSAGE_CHARACTERS_MAX } from '../../base/log.js';
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { KeyPlaces } from '../../commands/contract/key-flags.js';
import { NO_REPLICAS, OOM, READ_ONLY } from '../../protocol/errors.js';
import type { Arguments } from '../../protocol/parser.js';
import { checkReplyLength, Reply } from '../../protocol/reply.js';
import { LuaError, type ScriptHost } from '../../scripting/environment.js';
import { type CommandArgument, errorTable } from '../../scripting/library/redis.js';
import { libraryError } from '../../scripting/runtime/failures.js';
import { CommandWord } from '../../scripting/runtime/input.js';
import { meter } from '../../scripting/runtime/meter.js';
import type { LuaTable } from '../../scripting/runtime/table.js';
import type { LuaValue } from '../../scripting/runtime/values.js';
import { ALLOWED } from '../acl/permissions.js';
import { subcommandOf } from '../admission.js';
import { diskRefusal } from '../disk-refusals.js';
import type { Dispatcher } from '../dispatch.js';
import { isLong } from '../execution.js';
import {
  GATE_MASTER_DOWN,
  GATE_MEMORY,
  GATE_NO_REPLICAS,
  GATE_READ_ONLY,
  GATES_DISK,
} from '../gates.js';
import { findKeys } from '../key-places.js';
import { HeldUpError } from '../locking-plan.js';
import {
  type RegisteredCommand,
  TRAIT_DENY_OOM,
  TRAIT_LOCK_ALL,
  TRAIT_LOCK_NONE,
  TRAIT_MAY_REPLICATE,
  TRAIT_NO_SCRIPT,
  TRAIT_SIMPLE_KEYS,
  TRAIT_STALE,
  TRAIT_WRITE,
} from '../registry.js';
import { CommandVector } from './command-vector.js';
import { ReplyToLua } from './reply-to-lua.js';
import { type ScriptRun, StartOver } from './script-run.js';

const INITIAL_BYTES = 4096;
/** Regions that have grown beyond this are not kept after their command. */
const KEPT_BYTES = 1 << 20;
const MINUS = 0x2d;
/** Names of commands, in any case, that are kept. */
const KNOWN_NAMES_MAX = 1024;
/** Commands that others see something of: writes, and messages. */
const LASTING = TRAIT_WRITE | TRAIT_MAY_REPLICATE;
const UNKNOWN = 'ERR Unknown Redis command called from script';
const WRONG_ARITY = 'ERR Wrong number of args calling Redis command from script';
const NOT_ALLOWED = 'ERR This Redis command is not allowed from script';
const STALE = 'ERR Can not execute the command on a stale replica';
const NO_WRITES = 'ERR Write commands are not allowed from read-only scripts.';
const TOO_LONG = 'ERR the arguments of a command may have 2 GiB in all';
/** In Lua calls; JavaScript's stack is looked at before a command runs below so many. */
const SHALLOW_DEPTH = 100;
const PROBE_FRAMES = 600;
/** What a short reply becomes in Lua, and a message that is held. */
const REPLY_BYTES = 64;
const MESSAGE_BYTES = 150;
/** What a command counts for in a script's time, in steps of Lua: a few microseconds. */
const COMMAND_TICKS = 200;

function growOwned(reply: Reply, bytes: number): void {
  const used = reply.position - reply.start;
  checkReplyLength(used, bytes);
  reply.region = withRoom(reply.region, reply.position, reply.position + bytes);
  reply.limit = reply.region.length;
}

/** Fails with a RangeError where a command would not have the stack that it needs. */
function probeStack(frames: number): number {
  return frames === 0 ? 0 : 1 + probeStack(frames - 1);
}

/** While a library is loaded, `redis` has none of the functions that touch keys. */
function missing(name: string): LuaError {
  return libraryError(`Script attempted to access nonexistent global variable '${name}'`);
}

export interface HostLog {
  log(level: number, message: string): void;
}

export class CommandHost implements ScriptHost {
  /** Libraries are being loaded: there are no commands. */
  isLoading = false;
  private readonly vector: CommandVector;
  private readonly reply = new Reply(newRegion(INITIAL_BYTES), growOwned);
  private readonly replyToLua = new ReplyToLua(this.reply.region);
  private readonly places = new KeyPlaces();
  private failed = false;
  /** The script looks at what the command answers. */
  private isAnswerWanted = true;
  /** By the name as scripts write it. */
  private readonly known = new Map<string, RegisteredCommand>();
  /** The keys of the vector have been hashed, for their locks. */
  private areKeysMarked = false;
  /** Messages of a run that may still start over. */
  private readonly held: [level: number, message: string][] = [];

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly run: ScriptRun,
    private readonly output: HostLog,
  ) {
    this.vector = new CommandVector(run);
  }

  private get args(): Arguments {
    return this.vector.args;
  }

  /** Whether it may still come to a key whose lock it cannot wait for. */
  private get mayStartOver(): boolean {
    const { locks } = this.dispatcher;
    return this.run.isOpen && !locks.hasOrder && !locks.holdsAll;
  }

  get isRunning(): boolean {
    return this.run.isRunning;
  }

  // What scripts call.

  demand(name: string): void {
    if (this.isLoading) throw missing(name);
  }

  call(args: readonly CommandArgument[]): LuaValue {
    return this.succeed(args, true);
  }

  pcall(args: readonly CommandArgument[]): LuaValue {
    return this.execute(args, true);
  }

  perform(args: readonly CommandArgument[]): void {
    this.succeed(args, false);
  }

  log(level: number, message: string): void {
    if (this.mayStartOver) this.hold(level, message);
    else this.output.log(level, message);
  }

  private hold(level: number, message: string): void {
    // A copy: a part of a string keeps all of it.
    const cut = Buffer.from(message.slice(0, MESSAGE_CHARACTERS_MAX + 1), 'latin1');
    meter.allocate(cut.length + MESSAGE_BYTES);
    this.held.push([level, cut.toString('latin1')]);
  }

  setResp(version: number): void {
    this.run.resp = version === 3 ? 3 : 2;
  }

  /** One stream of effects is for replicas and for the disk: they get all, or nothing. */
  setReplication(flags: number): void {
    this.run.isReplicated = flags !== 0;
  }

  mayRun(args: readonly CommandArgument[]): boolean | undefined {
    if (!this.vector.assemble(args)) return undefined;
    const command = this.find(args[0]!);
    if (command === null) return undefined;
    const { access, session } = this.dispatcher;
    const { permissions } = session;
    return permissions === null || access.check(permissions, command, this.args) === ALLOWED;
  }

  /** After a run. @param isFinal it does not start over */
  flushLog(isFinal: boolean): void {
    if (this.held.length === 0) return;
    if (isFinal) for (const [level, message] of this.held) this.output.log(level, message);
    this.held.length = 0;
  }

  // Running a command.

  private succeed(args: readonly CommandArgument[], isAnswerWanted: boolean): LuaValue {
    const value = this.execute(args, isAnswerWanted);
    if (this.failed) throw new LuaError(value);
    return value;
  }

  private execute(args: readonly CommandArgument[], isAnswerWanted: boolean): LuaValue {
    this.failed = false;
    this.isAnswerWanted = isAnswerWanted;
    if (!this.vector.assemble(args)) return this.refuse(null, TOO_LONG);
    const command = this.find(args[0]!);
    if (command === null) return this.refuse(null, UNKNOWN);
    if (!command.accepts(this.args.count)) return this.refuse(command, WRONG_ARITY);
    const refusal = this.refusalOf(command);
    if (refusal !== null) return this.refuse(command, refusal);
    if (meter.depth > SHALLOW_DEPTH) probeStack(PROBE_FRAMES);
    meter.work(COMMAND_TICKS);
    if (isLong(command, this.args)) this.run.noteStart();
    const isWrite = (command.traits & TRAIT_WRITE) !== 0;
    this.areKeysMarked = false;
    if (this.run.isOpen && !this.lockOrRefuse(command)) {
      return this.refuse(command, this.dispatcher.scripts.busyError.text);
    }
    if (isWrite) this.run.noteWrite();
    return this.answerOf(command);
  }

  private answerOf(command: RegisteredCommand): LuaValue {
    const { reply } = this;
    reply.rewind(0);
    reply.protocol = this.run.resp;
    if (this.run.isReplicated) {
      this.dispatcher.nested.run(command, this.args, reply, this.areKeysMarked);
    } else this.runMuted(command);
    this.failed = reply.region.bytes[reply.start] === MINUS;
    meter.allocate(reply.length + REPLY_BYTES);
    const isRead = this.isAnswerWanted || this.failed;
    const value = isRead ? this.replyToLua.read(reply.region, reply.start) : undefined;
    if (reply.region.length > KEPT_BYTES) this.dropReply();
    this.vector.trim();
    return value;
  }

  private runMuted(command: RegisteredCommand): void {
    const { effects } = this.dispatcher.keys;
    effects.isMuted = true;
    try {
      this.dispatcher.nested.run(command, this.args, this.reply, this.areKeysMarked);
    } finally {
      effects.isMuted = false;
    }
  }

  private dropReply(): void {
    const { reply } = this;
    giveBack(reply.region);
    reply.region = newRegion(INITIAL_BYTES);
    reply.limit = reply.region.length;
    reply.rewind(0);
  }

  /** @param name the vector's first argument */
  private find(name: CommandArgument): RegisteredCommand | null {
    const { args } = this;
    const command =
      name instanceof CommandWord ? this.findWord(name) : this.findText(name as string);
    if (command === null || !command.hasSubcommands || args.count === 1) return command;
    return subcommandOf(command, args) ?? null;
  }

  private findWord(word: CommandWord): RegisteredCommand | null {
    word.command ??= this.findText(word.text);
    return word.command as RegisteredCommand | null;
  }

  private findText(name: string): RegisteredCommand | null {
    return this.known.get(name) ?? this.lookUp(name);
  }

  private lookUp(name: string): RegisteredCommand | null {
    const { args, dispatcher, known } = this;
    const command = dispatcher.registry.find(args.region, args.offset[0]!, args.length[0]!);
    if (command === null) return null;
    if (known.size >= KNOWN_NAMES_MAX) known.clear();
    known.set(name, command);
    return command;
  }

  /** Why the command may not run, in the order in which Redis looks. */
  private refusalOf(command: RegisteredCommand): string | null {
    const { traits } = command;
    const { gates, session } = this.dispatcher;
    const { run } = this;
    if ((traits & TRAIT_NO_SCRIPT) !== 0) return NOT_ALLOWED;
    if ((gates & GATE_MASTER_DOWN) !== 0 && (traits & TRAIT_STALE) === 0) return STALE;
    if (session.permissions !== null) {
      const denied = this.dispatcher.access.refusalInScript(session, command, this.args);
      if (denied !== null) return denied.text;
    }
    if (run.isReadOnly && (traits & LASTING) !== 0) return NO_WRITES;
    if ((traits & TRAIT_WRITE) !== 0) {
      if ((gates & GATE_READ_ONLY) !== 0 && !session.isReplica) return READ_ONLY.text;
      if ((gates & GATES_DISK) !== 0 && !session.isReplica) return diskRefusal(gates).text;
      if ((gates & GATE_NO_REPLICAS) !== 0 && !session.isReplica) return NO_REPLICAS.text;
    }
    // A script that has begun to write goes on.
    const isFull = (gates & GATE_MEMORY) !== 0 && !run.allowsOom && !run.hasWritten;
    return isFull && (traits & TRAIT_DENY_OOM) !== 0 ? OOM.text : null;
  }

  private refuse(command: RegisteredCommand | null, text: string): LuaTable {
    this.failed = true;
    this.dispatcher.refusals.count(command, text.slice(0, text.indexOf(' ')));
    const table = errorTable(text);
    table.set('ignore_error_stats_update', true);
    return table;
  }

  // Locks.

  /** @returns false when a script that runs for too long holds a key: a long wait would hold up all */
  private lockOrRefuse(command: RegisteredCommand): boolean {
    try {
      this.lockKeys(command);
      return true;
    } catch (error) {
      if (error instanceof HeldUpError) return false;
      throw error;
    }
  }

  /**
   * Takes the locks of the command's keys that the script does not hold.
   * @throws StartOver when it cannot have one, and has changed nothing
   */
  private lockKeys(command: RegisteredCommand): void {
    const { locks, keys } = this.dispatcher;
    const { args, places } = this;
    if (locks.holdsAll) return;
    // What others see of it cannot be taken back: from here on it must not start over.
    if ((command.traits & LASTING) !== 0 && !locks.order()) throw new StartOver();
    const lockAll = (command.traits & (TRAIT_LOCK_ALL | TRAIT_LOCK_NONE)) !== 0;
    if (lockAll || command.readsAnyKey?.(args)) {
      this.lockAll();
      return;
    }
    keys.forget();
    this.areKeysMarked = true;
    if ((command.traits & TRAIT_SIMPLE_KEYS) !== 0) {
      if (command.firstKey === 0) return;
      const last = command.lastKey >= 0 ? command.lastKey : args.count + command.lastKey;
      const end = Math.min(last, args.count - 1);
      for (let i = command.firstKey; i <= end; i += command.keyStep) this.lockKey(i);
      return;
    }
    if (!findKeys(command.keys, args, places)) return;
    for (let i = 0; i < places.count; i++) this.lockKey(places.index[i]!);
  }

  private lockKey(index: number): void {
    const { locks, keys } = this.dispatcher;
    while (!locks.extend(keys.mark(this.args, index))) {
      // With the order lock only the hash key can have changed, and no lock was held before.
      if (!locks.hasOrder) throw new StartOver();
    }
  }

  private lockAll(): void {
    const { locks, shards } = this.dispatcher;
    for (let shard = 0; shard < shards.count; shard++) {
      if (!locks.extend(shard) && !locks.hasOrder) throw new StartOver();
    }
  }
}
