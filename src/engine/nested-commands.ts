/**
 * Commands that run inside another one of the same thread: those of a transaction, of a script, of a
 * client that has waited for a key, and those that other clients send while a script runs for too long.
 * What the dispatcher shows of the outer command is put aside, and is there again afterwards. No locks
 * are planned here: those of the outer command hold, or a few more are borrowed.
 */
import type { CommandEntry } from '../commands/contract/context.js';
import { REPLY_ON } from '../commands/contract/session.js';
import { OuterCommand } from '../keyspace/mutation.js';
import * as errors from '../protocol/errors.js';
import type { Arguments } from '../protocol/parser.js';
import type { Reply } from '../protocol/reply.js';
import { runBesideScript } from './beside-script.js';
import type { Dispatcher } from './dispatch.js';
import { type RegisteredCommand, TRAIT_LOCK_NONE } from './registry.js';
import type { ClientSession } from './session.js';

export class NestedCommands {
  /** How many commands the one under way is inside of. */
  depth = 0;
  /** The command under way is another client's than that of the script which runs. */
  isAttending = false;
  /** Changes of the command that ran inside another last. */
  changes = 0;
  /** What counts for each of the outer commands, by depth. */
  private readonly outer: OuterCommand[] = [];

  constructor(private readonly dispatcher: Dispatcher) {}

  /** Runs a command whose keys, if it has any, are in shards that the outer command has locked. */
  runInside(entry: CommandEntry, args: Arguments, reply: Reply): void {
    const { registry, planner } = this.dispatcher;
    const command = registry.all[entry.index]!;
    if (!command.accepts(args.count)) {
      reply.error(errors.wrongArity(command.fullName));
      return;
    }
    const isLocked = (command.traits & TRAIT_LOCK_NONE) !== 0 || planner.holdsKeys(command, args);
    if (!isLocked) throw new Error(`the shards of ${command.fullName} are not locked`);
    this.run(command, args, reply);
  }

  /**
   * The same for a vector that has been checked and whose shards were planned: EXEC's.
   * @param areKeysMarked its keys, and no others, are hashed
   */
  run(command: RegisteredCommand, args: Arguments, reply: Reply, areKeysMarked = false): void {
    const { dispatcher } = this;
    const { keys } = dispatcher;
    const { args: outerArgs, reply: outerReply } = dispatcher;
    const { database } = keys;
    const outer = this.outerCommand();
    keys.beginInner(outer);
    this.depth++;
    dispatcher.args = args;
    dispatcher.reply = reply;
    if (!areKeysMarked) keys.forget();
    keys.database = dispatcher.session.database;
    try {
      dispatcher.execution.run(command, args);
    } finally {
      this.changes = keys.changes;
      this.depth--;
      dispatcher.args = outerArgs;
      dispatcher.reply = outerReply;
      keys.forget();
      keys.database = database;
      keys.endInner(outer);
    }
  }

  /**
   * Runs or refuses a command of another client of this thread, from inside a script that runs for too
   * long. What is under way stays as it is: only commands that need no shard but for a moment are run.
   */
  attend(session: ClientSession, args: Arguments, reply: Reply): void {
    const { dispatcher } = this;
    const { keys, execution } = dispatcher;
    const { session: outerSession, args: outerArgs, reply: outerReply } = dispatcher;
    const { database } = keys;
    const { isErrorCounted } = execution;
    const outer = this.outerCommand();
    const begin = reply.length;
    keys.beginInner(outer);
    this.depth++;
    this.isAttending = true;
    dispatcher.session = session;
    dispatcher.args = args;
    dispatcher.reply = reply;
    reply.kept = begin;
    keys.forget();
    try {
      runBesideScript(dispatcher, session, args);
      if (session.replyMode !== REPLY_ON && !session.suspended) dispatcher.suppress(session);
    } catch (error) {
      dispatcher.fail(session, begin, error);
    } finally {
      dispatcher.locks.releaseBorrowed();
      this.isAttending = false;
      this.depth--;
      dispatcher.session = outerSession;
      dispatcher.args = outerArgs;
      dispatcher.reply = outerReply;
      keys.forget();
      keys.database = database;
      keys.endInner(outer);
      execution.isSuspended = false;
      execution.isErrorCounted = isErrorCounted;
    }
  }

  /** Where the command under way is kept; made when commands nest so deeply for the first time. */
  private outerCommand(): OuterCommand {
    const { outer, depth } = this;
    if (depth === outer.length) outer.push(new OuterCommand());
    return outer[depth]!;
  }
}
