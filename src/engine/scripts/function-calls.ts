/** FCALL and FUNCTION: calls of functions, and changes of libraries with their errors as texts. */
import type { ArgumentVector } from '../../base/arguments.js';
import type { Region } from '../../base/region.js';
import type {
  FunctionsPort,
  LibraryDescription,
  RestorePolicy,
  RunningScript,
} from '../../commands/contract/server-port.js';
import { ErrorReply } from '../../protocol/errors.js';
import type { Dispatcher } from '../dispatch.js';
import type { Functions } from './functions.js';
import { LibraryError } from './library.js';
import type { ScriptRunner } from './runner.js';
import { argumentText, ScriptArguments } from './script-arguments.js';

const NOT_FOUND = new ErrorReply('ERR Function not found');
const BAD_KEY_COUNT = 'ERR Bad number of keys provided';

/** The sources up to what could not be read, and the text of the error, if there is one. */
export interface FunctionPayload {
  readonly codes: readonly string[];
  readonly error: string | null;
}

/** The form of FUNCTION DUMP and FUNCTION RESTORE: that of files. */
export interface FunctionPayloads {
  readonly write: (codes: readonly string[]) => string;
  readonly read: (region: Region, offset: number, length: number) => FunctionPayload;
}

export class FunctionCalls implements FunctionsPort {
  private readonly scriptArguments = new ScriptArguments();

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly functions: Functions,
    private readonly runner: ScriptRunner,
    private readonly payloads: FunctionPayloads,
    private readonly findRunning: () => RunningScript | null,
  ) {}

  call(isReadOnly: boolean): void {
    const { dispatcher, functions, scriptArguments } = this;
    const { args, reply } = dispatcher;
    const found = functions.find(argumentText(args, 1));
    if (found === undefined) {
      reply.error(NOT_FOUND);
      return;
    }
    const error = scriptArguments.read(args, BAD_KEY_COUNT);
    if (error !== null) {
      reply.errorText(error);
      return;
    }
    const hasWritten = this.runner.execute({
      kind: 'function',
      name: found.name,
      flags: found.flags,
      run: found.run,
      // Its keys are parameters: which of them it uses where is not looked at.
      isOpen: true,
      isReadOnly,
      environment: functions.environment,
      input: scriptArguments,
    });
    scriptArguments.release();
    if (hasWritten) found.writesOpen = true;
  }

  load(code: string, replace: boolean): { readonly name: string } | { readonly error: string } {
    try {
      return { name: this.functions.load(code, replace) };
    } catch (thrown) {
      return { error: textOf(thrown) };
    }
  }

  remove(library: string): string | null {
    return this.attempt(() => this.functions.remove(library));
  }

  flush(): void {
    this.functions.flush();
  }

  list(): readonly LibraryDescription[] {
    return this.functions.list();
  }

  dump(): string {
    return this.payloads.write(this.functions.sources());
  }

  restore(args: ArgumentVector, index: number, policy: RestorePolicy): string | null {
    const { region, offset, length } = args;
    const { codes, error } = this.payloads.read(region, offset[index]!, length[index]!);
    return this.attempt(() => this.functions.restore(codes, error, policy));
  }

  running(): RunningScript | null {
    return this.findRunning();
  }

  private attempt(change: () => void): string | null {
    try {
      change();
      return null;
    } catch (thrown) {
      return textOf(thrown);
    }
  }
}

/** The text of an error of a library; anything else is thrown on. */
function textOf(thrown: unknown): string {
  if (thrown instanceof LibraryError) return thrown.message;
  throw thrown;
}
