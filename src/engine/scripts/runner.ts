/**
 * Runs one compiled script or function for the command under way and writes its reply: the checks that
 * its flags ask for, the run, the value or the error that comes out of it.
 */
import * as errors from '../../protocol/errors.js';
import { ErrorReply } from '../../protocol/errors.js';
import { type Environment, LuaError, type ScriptInput } from '../../scripting/environment.js';
import { cText, plainText } from '../../scripting/library/base.js';
import { errorField, errorText, isErrorCounted } from '../../scripting/library/error-handler.js';
import { argumentsOf, keysOf } from '../../scripting/runtime/input.js';
import { LuaTable } from '../../scripting/runtime/table.js';
import { isText, type LuaFunction, type LuaValue } from '../../scripting/runtime/values.js';
import { diskRefusal, scriptDiskRefusal } from '../disk-refusals.js';
import type { Dispatcher } from '../dispatch.js';
import {
  GATE_MASTER_DOWN,
  GATE_MEMORY,
  GATE_NO_REPLICAS,
  GATE_READ_ONLY,
  GATES_DISK,
} from '../gates.js';
import type { CommandHost } from './command-host.js';
import { LuaToReply } from './lua-to-reply.js';
import { Ended, Killed, type ScriptKind, type ScriptRun, StartOver } from './script-run.js';
import { FLAG_ALLOW_OOM, FLAG_ALLOW_STALE, FLAG_COMPATIBLE, FLAG_NO_WRITES } from './shebang.js';

const STALE = new ErrorReply(
  "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and " +
    "'allow-stale' flag is not set on the script.",
);
const READ_ONLY = new ErrorReply(
  'READONLY You can not run script with write flag on readonly replica.',
);
const READ_ONLY_COMMAND = new ErrorReply(
  'ERR Can not execute a script with write flag using *_ro command.',
);
const OOM = new ErrorReply(
  'OOM allow-oom flag is not set on the script, can not run it when used memory > ' + "'maxmemory'",
);
const IN_USE = new ErrorReply('ERR the keys of the script are in use, try again');

/** One script or function that is to run. */
export interface Runnable {
  readonly kind: ScriptKind;
  /** As errors name it: a SHA1 or a function's name. */
  readonly name: string;
  readonly flags: number;
  readonly run: LuaFunction;
  readonly isOpen: boolean;
  readonly isReadOnly: boolean;
  readonly environment: Environment;
  readonly input: ScriptInput;
}

export class ScriptRunner {
  private readonly toReply: LuaToReply;

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly host: CommandHost,
    private readonly run: ScriptRun,
  ) {
    this.toReply = new LuaToReply(dispatcher.reply, (isCounted, isInner) => {
      if (isCounted) dispatcher.execution.isErrorCounted = true;
      else if (isInner) this.countInner();
    });
  }

  /** @returns whether it ran to its end and has written */
  execute(script: Runnable): boolean {
    const { dispatcher, run, host } = this;
    const refusal = this.refusalOf(script);
    if (refusal !== null) {
      dispatcher.reply.error(refusal);
      return false;
    }
    const { session } = dispatcher;
    const { database } = session;
    const { environment } = script;
    const random = environment.randomState;
    run.isReadOnly = script.isReadOnly || isPromised(script.flags, FLAG_NO_WRITES);
    run.allowsOom = isPromised(script.flags, FLAG_ALLOW_OOM);
    run.isOpen = script.isOpen;
    run.begin(script.kind, script.name, dispatcher.args);
    dispatcher.monitors.isInScript = true;
    dispatcher.keys.beginRecalling();
    let startsOver = false;
    try {
      this.runAndReply(script);
    } catch (thrown) {
      startsOver = thrown instanceof StartOver && !dispatcher.inTransaction;
      if (startsOver) environment.randomState = random;
      else this.replyAborted(thrown, script);
    } finally {
      dispatcher.keys.endRecalling();
      run.end();
      environment.finish();
      dispatcher.monitors.isInScript = false;
      session.database = database;
      host.flushLog(!startsOver);
    }
    dispatcher.execution.beganMs = run.startMs;
    // It has written no reply.
    if (startsOver) dispatcher.execution.isSuspended = true;
    return run.hasWritten;
  }

  private runAndReply(script: Runnable): void {
    const { environment, input, kind } = script;
    let values: readonly LuaValue[];
    try {
      values =
        kind === 'script'
          ? environment.run(script.run, input)
          : environment.runFunction(script.run, keysOf(input), argumentsOf(input));
    } catch (thrown) {
      if (!(thrown instanceof LuaError)) throw thrown;
      this.replyError(thrown, script);
      return;
    }
    const value = values[0];
    this.toReply.write(value, this.dispatcher.reply, this.run.resp);
  }

  /** What the script's flags forbid now; scripts without a shebang are checked as they run. */
  private refusalOf({ flags, isReadOnly }: Runnable): ErrorReply | null {
    const { gates, inTransaction } = this.dispatcher;
    const isStale = (gates & GATE_MASTER_DOWN) !== 0;
    if ((flags & FLAG_COMPATIBLE) !== 0) return isStale ? errors.MASTER_DOWN : null;
    if (inTransaction) return this.refusalInTransaction(flags, isReadOnly);
    return this.refusalAsCommand(flags) ?? (isReadOnly ? refusalOfWriter(flags) : null);
  }

  /** A script with flags is admitted as a command with such flags is: the same order and texts. */
  private refusalAsCommand(flags: number): ErrorReply | null {
    const { gates, session } = this.dispatcher;
    const obeys = session.isReplica;
    const mayFill = (flags & (FLAG_ALLOW_OOM | FLAG_NO_WRITES)) !== 0;
    if ((gates & GATE_MEMORY) !== 0 && !obeys && !mayFill) return errors.OOM;
    if ((flags & FLAG_NO_WRITES) === 0 && !obeys) {
      if ((gates & GATES_DISK) !== 0) return diskRefusal(gates);
      if ((gates & GATE_NO_REPLICAS) !== 0) return errors.NO_REPLICAS;
      if ((gates & GATE_READ_ONLY) !== 0) return errors.READ_ONLY;
    }
    const isStale = (gates & GATE_MASTER_DOWN) !== 0;
    return isStale && (flags & FLAG_ALLOW_STALE) === 0 ? errors.MASTER_DOWN : null;
  }

  /** EXEC admits the queue; what a script's flags forbid then, the script itself tells. */
  private refusalInTransaction(flags: number, isReadOnly: boolean): ErrorReply | null {
    const { gates, session } = this.dispatcher;
    const isStale = (gates & GATE_MASTER_DOWN) !== 0;
    if (isStale && (flags & FLAG_ALLOW_STALE) === 0) return STALE;
    const obeys = session.isReplica;
    if ((flags & FLAG_NO_WRITES) === 0) {
      if ((gates & GATE_READ_ONLY) !== 0 && !obeys) return READ_ONLY;
      if (isReadOnly) return READ_ONLY_COMMAND;
      if ((gates & GATES_DISK) !== 0 && !obeys) return scriptDiskRefusal(gates);
      if ((gates & GATE_NO_REPLICAS) !== 0 && !obeys) return errors.NO_REPLICAS;
    }
    const mayFill = (flags & (FLAG_ALLOW_OOM | FLAG_NO_WRITES)) !== 0;
    return (gates & GATE_MEMORY) !== 0 && !obeys && !mayFill ? OOM : null;
  }

  private replyError(error: LuaError, { name, environment }: Runnable): void {
    const value = environment.handled(error);
    const text = errorText(value);
    let origin = '';
    if (value instanceof LuaTable) {
      const source = errorField(value, 'source');
      const line = errorField(value, 'line');
      if (isText(source) && isText(line)) origin = originText(name, plainText(source), line);
      this.noteCounted(value);
    }
    this.dispatcher.reply.errorText(`${text}${origin}`);
  }

  private noteCounted(value: LuaTable): void {
    if (isErrorCounted(value)) this.dispatcher.execution.isErrorCounted = true;
  }

  /** An error within the reply counts as a reply of its own does. */
  private countInner(): void {
    const { execution, refusals, reply } = this.dispatcher;
    refusals.count(null, reply.errorCode);
    execution.isErrorCounted = true;
  }

  private replyAborted(thrown: unknown, { kind, name }: Runnable): void {
    const { reply, session } = this.dispatcher;
    if (thrown instanceof Killed) {
      // Redis names this command for functions too.
      const origin = scriptOrigin(kind, name, thrown.line);
      reply.errorText(`ERR Script killed by user with SCRIPT KILL...${origin}`);
    } else if (thrown instanceof StartOver) {
      reply.error(IN_USE);
    } else if (thrown instanceof Ended) {
      this.dispatcher.keys.effects.abandon();
      session.closeAfterReply = true;
      reply.errorText('ERR the server ends');
    } else {
      throw thrown;
    }
  }
}

/** A command that may not write runs scripts that promise not to. */
function refusalOfWriter(flags: number): ErrorReply | null {
  return (flags & FLAG_NO_WRITES) === 0 ? READ_ONLY_COMMAND : null;
}

function scriptOrigin(kind: ScriptKind, name: string, line: number): string {
  return line === 0 ? '' : originText(name, `@user_${kind}`, line);
}

/** Where an error comes from, as Redis adds it to the text. @param source the name of the code, or its text */
function originText(name: string, source: string, line: string | number): string {
  return ` script: ${name}, on ${cText(source)}:${cText(plainText(line))}.`;
}

/** Whether a script with a shebang says so. */
function isPromised(flags: number, flag: number): boolean {
  return (flags & FLAG_COMPATIBLE) === 0 && (flags & flag) !== 0;
}
