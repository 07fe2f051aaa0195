/**
 * A library of functions: its first line, and what its code registers when it is loaded. The code runs
 * once on each thread; what its functions keep in variables is the thread's own.
 */
import {
  type Environment,
  LuaError,
  LuaSyntaxError,
  ScriptAbort,
} from '../../scripting/environment.js';
import { plainText } from '../../scripting/library/base.js';
import { errorText } from '../../scripting/library/error-handler.js';
import { redisError } from '../../scripting/library/redis.js';
import { libraryError } from '../../scripting/runtime/failures.js';
import { isCalledAs } from '../../scripting/runtime/positions.js';
import { LuaTable } from '../../scripting/runtime/table.js';
import type { LuaFunction, LuaValue } from '../../scripting/runtime/values.js';
import { firstLine, flagBit, withoutShebang } from './shebang.js';

export interface LibraryFunction {
  readonly name: string;
  readonly description: string | undefined;
  readonly flags: number;
  readonly run: LuaFunction;
  /** It has written: from now on it begins with the order lock. */
  writesOpen: boolean;
}

export interface Library {
  readonly name: string;
  readonly code: string;
  readonly functions: ReadonlyMap<string, LibraryFunction>;
}

/** Why a library cannot be loaded: the text of the error. */
export class LibraryError extends Error {}

const NAME = /^\w+$/;
const NAME_RULE =
  'names can only contain letters, numbers, or underscores(_) and must be at least one character long';
const REGISTER = 'redis.register_function';
const ENGINE = 'lua';
/** How long the code of a library may run when it is loaded. */
export const LOAD_MS_MAX = 500;

/** The name that the first line gives. @throws LibraryError */
export function libraryName(code: string): string {
  if (!code.startsWith('#!')) throw new LibraryError('ERR Missing library metadata');
  const words = firstLine(code);
  if (words === null || words.length === 0) throw new LibraryError('ERR Invalid library metadata');
  const name = nameAmong(words.slice(1));
  if (!NAME.test(name)) throw new LibraryError(`ERR Library ${NAME_RULE}`);
  const engine = words[0]!.slice(2);
  if (engine.toLowerCase() !== ENGINE) throw new LibraryError(`ERR Engine '${engine}' not found`);
  return name;
}

function nameAmong(words: readonly string[]): string {
  let name: string | undefined;
  for (const word of words) {
    if (word.slice(0, 5).toLowerCase() !== 'name=') {
      throw new LibraryError(`ERR Invalid metadata value given: ${word}`);
    }
    if (name !== undefined) {
      throw new LibraryError('ERR Invalid metadata value, name argument was given multiple times');
    }
    name = word.slice(5);
  }
  if (name === undefined) throw new LibraryError('ERR Library name was not given');
  return name;
}

/** Loads libraries, one at a time; its `register` is redis.register_function. */
export class LibraryLoader {
  private functions: Map<string, LibraryFunction> | null = null;
  private endMs = 0;

  /** Whether the code of a library is running. */
  get isLoading(): boolean {
    return this.functions !== null;
  }

  /** @throws LibraryError */
  load(environment: Environment, code: string): Library {
    const name = libraryName(code);
    const functions = new Map<string, LibraryFunction>();
    this.functions = functions;
    this.endMs = performance.now() + LOAD_MS_MAX;
    try {
      const chunk = environment.compileLibrary(withoutShebang(code));
      environment.runLibrary(chunk);
    } catch (thrown) {
      throw loadingError(thrown);
    } finally {
      environment.finish();
      this.functions = null;
    }
    if (functions.size === 0) throw new LibraryError('ERR No functions registered');
    return { name, code, functions };
  }

  /** Called every few thousand steps of a library's code. */
  tick(): void {
    if (performance.now() > this.endMs) throw new LoadTimeout('load timeout');
  }

  /** redis.register_function */
  readonly register = (...args: LuaValue[]): readonly LuaValue[] => {
    if (this.functions === null) {
      // The table `redis` lacks it now; who has kept it is told by itself.
      if (isCalledAs('register_function')) {
        throw libraryError("attempt to call field 'register_function' (a nil value)");
      }
      throw redisError(`ERR ${REGISTER} can only be called on FUNCTION LOAD command`);
    }
    if (args.length < 1 || args.length > 2) {
      throw redisError(`ERR wrong number of arguments to ${REGISTER}`);
    }
    const [first] = args;
    const described = args.length === 1 ? namedArguments(first) : positional(first, args[1]);
    // In Redis's words, which speak of a library here too.
    if (!NAME.test(described.name)) throw redisError(`ERR Library ${NAME_RULE}`);
    if (this.functions.has(described.name)) {
      throw redisError('ERR Function already exists in the library');
    }
    this.functions.set(described.name, described);
    return [];
  };
}

class LoadTimeout extends ScriptAbort {}

function loadingError(thrown: unknown): unknown {
  if (thrown instanceof LoadTimeout) {
    return new LibraryError('ERR Error registering functions: ERR FUNCTION LOAD timeout');
  }
  if (thrown instanceof LuaSyntaxError) {
    return new LibraryError(`ERR Error compiling function: ${thrown.message}`);
  }
  if (!(thrown instanceof LuaError)) return thrown;
  const { value } = thrown;
  return new LibraryError(`ERR Error registering functions: ${errorText(value)}`);
}

function positional(name: LuaValue, callback: LuaValue): LibraryFunction {
  const text = stringOf(name);
  if (text === undefined) {
    throw redisError(`ERR first argument to ${REGISTER} must be a string`);
  }
  if (typeof callback !== 'function') {
    throw redisError(`ERR second argument to ${REGISTER} must be a function`);
  }
  return { name: text, description: undefined, flags: 0, run: callback, writesOpen: false };
}

/** Numbers are names too. */
function stringOf(value: LuaValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? plainText(value) : undefined;
}

function namedArguments(table: LuaValue): LibraryFunction {
  if (!(table instanceof LuaTable)) {
    throw redisError(
      `ERR calling ${REGISTER} with a single argument is only applicable to Lua table ` +
        '(representing named arguments).',
    );
  }
  const found = new NamedArguments();
  for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
    const key = stringOf(table.keyAt(at));
    if (key === undefined) {
      throw redisError(`ERR named argument key given to ${REGISTER} is not a string`);
    }
    found.take(key, table.valueAt(at));
  }
  return found.result();
}

class NamedArguments {
  private name: string | undefined;
  private description: string | undefined;
  private flags = 0;
  private callback: LuaFunction | undefined;

  take(key: string, value: LuaValue): void {
    if (key === 'function_name') this.name = this.text(key, value);
    else if (key === 'description') this.description = this.text(key, value);
    else if (key === 'callback') this.takeCallback(value);
    else if (key === 'flags') this.takeFlags(value);
    else throw redisError(`ERR unknown argument given to ${REGISTER}`);
  }

  result(): LibraryFunction {
    const { name, description, flags, callback } = this;
    if (name === undefined) {
      throw redisError(`ERR ${REGISTER} must get a function name argument`);
    }
    if (callback === undefined) throw redisError(`ERR ${REGISTER} must get a callback argument`);
    return { name, description, flags, run: callback, writesOpen: false };
  }

  private text(key: string, value: LuaValue): string {
    const text = stringOf(value);
    if (text !== undefined) return text;
    throw redisError(`ERR ${key} argument given to ${REGISTER} must be a string`);
  }

  private takeCallback(value: LuaValue): void {
    if (typeof value !== 'function') {
      throw redisError(`ERR callback argument given to ${REGISTER} must be a function`);
    }
    this.callback = value;
  }

  private takeFlags(value: LuaValue): void {
    if (!(value instanceof LuaTable)) {
      throw redisError(
        `ERR flags argument to ${REGISTER} must be a table representing function flags`,
      );
    }
    for (let i = 1; value.getNumber(i) !== undefined; i++) {
      const name = value.getNumber(i);
      const bit = typeof name === 'string' ? flagBit(name) : undefined;
      if (bit === undefined) throw redisError('ERR unknown flag given');
      this.flags |= bit;
    }
  }
}
