/**
 * Scripts of a thread: finds or compiles what EVAL, EVALSHA and SCRIPT name, and has it run
 * (runner.ts). docs/scripting.md tells what is locked when.
 */
import type { ScriptFigures, ScriptsPort } from '../../commands/contract/server-port.js';
import type { SharedStates } from '../../memory/shared-states.js';
import type { ErrorReply } from '../../protocol/errors.js';
import * as errors from '../../protocol/errors.js';
import type { Arguments } from '../../protocol/parser.js';
import { type Environment, LuaSyntaxError } from '../../scripting/environment.js';
import { STRING_MAX_BYTES } from '../../scripting/runtime/meter.js';
import type { Dispatcher } from '../dispatch.js';
import {
  type RegisteredCommand,
  TRAIT_DENY_OOM,
  TRAIT_MAY_REPLICATE,
  TRAIT_STALE,
  TRAIT_WRITE,
} from '../registry.js';
import type { Functions } from './functions.js';
import type { ScriptRunner } from './runner.js';
import { argumentText, ScriptArguments, TOO_LONG } from './script-arguments.js';
import { type Script, type ScriptCache, ScriptsFullError } from './script-cache.js';
import type { ScriptControl } from './script-control.js';
import { killSlow, type ScriptKind, type ScriptRun, slowKind } from './script-run.js';
import {
  FLAG_ALLOW_OOM,
  FLAG_ALLOW_STALE,
  FLAG_COMPATIBLE,
  FLAG_NO_WRITES,
  ShebangError,
  scriptFlags,
} from './shebang.js';

const SHA_LENGTH = 40;
/** What a script's flags say instead of its command. */
const FLAGGED_TRAITS = TRAIT_STALE | TRAIT_DENY_OOM | TRAIT_WRITE | TRAIT_MAY_REPLICATE;
const FULL = 'OOM no room for the sources of more scripts: SCRIPT FLUSH makes some';

export interface ScriptsParts {
  readonly dispatcher: Dispatcher;
  readonly environment: Environment;
  readonly cache: ScriptCache;
  readonly run: ScriptRun;
  readonly runner: ScriptRunner;
  readonly states: SharedStates;
  readonly functions: Functions;
}

export class Scripts implements ScriptsPort, ScriptControl {
  busyError = errors.BUSY;
  private readonly scriptArguments = new ScriptArguments();
  /** The script that the command under way names, found when its locks were planned. */
  private planned: Script | undefined;

  constructor(private readonly parts: ScriptsParts) {}

  // For the dispatcher.

  get isRunning(): boolean {
    return this.parts.run.isRunning;
  }

  get isServing(): boolean {
    return this.parts.run.isServing;
  }

  get ownBusyError(): ErrorReply {
    return this.parts.run.kind === 'script' ? errors.BUSY : errors.BUSY_FUNCTION;
  }

  isHeldUp(shard: number): boolean {
    const { dispatcher, states } = this.parts;
    const kind = slowKind(states, dispatcher.shards.holderOf(shard));
    if (kind !== null) this.busyError = kind === 'script' ? errors.BUSY : errors.BUSY_FUNCTION;
    return kind !== null;
  }

  wantsOrder(command: RegisteredCommand, args: Arguments): boolean {
    this.planned = this.scriptOf(command, args);
    if (this.planned !== undefined) return this.planned.writesOpen;
    if (command.runsScript !== 'function') return false;
    return this.parts.functions.find(argumentText(args, 1))?.writesOpen ?? false;
  }

  writesNothing(command: RegisteredCommand, args: Arguments): boolean {
    if (command.runsScript === undefined) return false;
    // Without a shebang there is no promise, and no such flag.
    return (this.flagsOf(command, args) & FLAG_NO_WRITES) !== 0;
  }

  traitsOf(command: RegisteredCommand, args: Arguments): number {
    const flags = this.flagsOf(command, args);
    if ((flags & FLAG_COMPATIBLE) !== 0) return command.traits;
    let traits = command.traits & ~FLAGGED_TRAITS;
    if ((flags & (FLAG_ALLOW_OOM | FLAG_NO_WRITES)) === 0) traits |= TRAIT_DENY_OOM;
    if ((flags & FLAG_NO_WRITES) === 0) traits |= TRAIT_WRITE;
    if ((flags & FLAG_ALLOW_STALE) !== 0) traits |= TRAIT_STALE;
    return traits;
  }

  /** The flags of the script or function that a command names. It is neither compiled nor kept. */
  private flagsOf({ runsScript }: RegisteredCommand, args: Arguments): number {
    const { cache, functions } = this.parts;
    if (args.length[1]! > STRING_MAX_BYTES) return FLAG_COMPATIBLE;
    const text = argumentText(args, 1);
    if (runsScript === 'function') return functions.find(text)?.flags ?? FLAG_COMPATIBLE;
    if (runsScript === 'sha') return cache.find(text)?.flags ?? FLAG_COMPATIBLE;
    try {
      return scriptFlags(text);
    } catch (thrown) {
      // The command tells it when it runs.
      if (thrown instanceof ShebangError) return FLAG_COMPATIBLE;
      throw thrown;
    }
  }

  isClosed(command: RegisteredCommand, args: Arguments): boolean {
    return this.scriptOf(command, args)?.isClosed ?? false;
  }

  private scriptOf({ runsScript }: RegisteredCommand, args: Arguments): Script | undefined {
    if (runsScript === 'function' || args.length[1]! > STRING_MAX_BYTES) return undefined;
    const { cache } = this.parts;
    // With a wrong number of keys it is not run, and not kept.
    if (this.scriptArguments.countError(args, '') !== null) return undefined;
    const text = argumentText(args, 1);
    try {
      return runsScript === 'sha' ? cache.find(text) : cache.evaluated(text);
    } catch (thrown) {
      // The command tells it when it runs.
      if (whyNotCompiled(thrown) === undefined) throw thrown;
      return undefined;
    }
  }

  // Commands.

  evaluate(isReadOnly: boolean): void {
    const { args, reply } = this.parts.dispatcher;
    const script = this.takePlanned();
    const error = this.scriptArguments.read(args, errors.NOT_INTEGER.text);
    if (error !== null) {
      reply.errorText(error);
      return;
    }
    if (args.length[1]! > STRING_MAX_BYTES) {
      reply.errorText(TOO_LONG);
      return;
    }
    try {
      this.execute(script ?? this.parts.cache.evaluated(argumentText(args, 1)), isReadOnly);
    } catch (thrown) {
      const text = whyNotCompiled(thrown);
      if (text === undefined) throw thrown;
      reply.errorText(text);
    }
  }

  evaluateSha(isReadOnly: boolean): void {
    const { args, reply } = this.parts.dispatcher;
    const planned = this.takePlanned();
    if (args.length[1] !== SHA_LENGTH) {
      reply.error(errors.NO_SCRIPT);
      return;
    }
    const error = this.scriptArguments.read(args, errors.NOT_INTEGER.text);
    if (error !== null) {
      reply.errorText(error);
      return;
    }
    const script = planned ?? this.parts.cache.find(argumentText(args, 1));
    if (script === undefined) reply.error(errors.NO_SCRIPT);
    else this.execute(script, isReadOnly);
  }

  /** What was found when the locks of the command under way were planned. */
  private takePlanned(): Script | undefined {
    const { planned } = this;
    this.planned = undefined;
    // Within EXEC the locks are those of the queue: what is here is another command's.
    return this.parts.dispatcher.inTransaction ? undefined : planned;
  }

  private execute(script: Script, isReadOnly: boolean): void {
    const { runner, environment } = this.parts;
    const hasWritten = runner.execute({
      kind: 'script',
      name: script.sha,
      flags: script.flags,
      run: script.run,
      isOpen: !script.isClosed,
      isReadOnly,
      environment,
      input: this.scriptArguments,
    });
    this.scriptArguments.release();
    if (hasWritten) script.writesOpen = !script.isClosed;
  }

  load(source: string): { readonly sha: string } | { readonly error: string } {
    try {
      return { sha: this.parts.cache.load(source) };
    } catch (thrown) {
      const error = whyNotCompiled(thrown);
      if (error === undefined) throw thrown;
      return { error };
    }
  }

  exists(sha: string): boolean {
    return this.parts.cache.has(sha);
  }

  flush(): void {
    this.parts.cache.clear();
  }

  kill(kind: ScriptKind): ErrorReply | null {
    switch (killSlow(this.parts.states, kind)) {
      case 'killed':
        return null;
      case 'wrote':
        return errors.UNKILLABLE;
      case 'other-kind':
        return kind === 'script' ? errors.BUSY_FUNCTION : errors.BUSY;
      default:
        return errors.NOT_BUSY;
    }
  }

  get figures(): ScriptFigures {
    const { cache, functions } = this.parts;
    return {
      scripts: cache.count,
      scriptBytes: cache.sourceBytes,
      functions: functions.functionCount,
      libraries: functions.libraryCount,
      libraryBytes: functions.bytes,
    };
  }
}

/** The error's text, or undefined for something else. */
function whyNotCompiled(thrown: unknown): string | undefined {
  if (thrown instanceof LuaSyntaxError) {
    return `ERR Error compiling script (new function): ${thrown.message}`;
  }
  if (thrown instanceof ShebangError) return thrown.message;
  return thrown instanceof ScriptsFullError ? FULL : undefined;
}
