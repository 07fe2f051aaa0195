/**
 * Where scripts are compiled and run: the globals of Redis, locked, and one host.
 *
 *   const environment = new Environment({ host });
 *   const script = environment.compile(source, '@user_script');
 *   const values = environment.run(script, keys, args);
 *
 * A thread has as many environments as it likes and runs one script at a time. Nothing that a
 * script does stays: globals and library tables are read-only, the rest is made anew for each run.
 */
import { analyze, type Closedness } from './closedness.js';
import { generateChunk } from './code/chunk.js';
import { type CodeEnvironment, instantiate } from './code/instantiate.js';
import { baseFunctions, plainText } from './library/base.js';
import { bitLibrary } from './library/bit.js';
import { cjsonLibrary, resetJsonSettings } from './library/cjson.js';
import { cmsgpackLibrary } from './library/cmsgpack.js';
import { coroutineLibrary, resetCoroutines } from './library/coroutine.js';
import { defineFunctions, type Native, native } from './library/define.js';
import { loadingFunctions } from './library/loading.js';
import { mathLibrary, randomState } from './library/math.js';
import { errorTable, redisLibrary, type ScriptHost } from './library/redis.js';
import { stringLibrary } from './library/string.js';
import { structLibrary } from './library/struct.js';
import { tableLibrary } from './library/table.js';
import { callNative, toArray } from './runtime/calls.js';
import { LuaError, LuaSyntaxError } from './runtime/errors.js';
import { asLuaError, libraryError, runtimeError } from './runtime/failures.js';
import { READONLY_TEXT } from './runtime/indexing.js';
import { CALL_DEPTH_MAX, defaultMemoryBytes, type MeterLimits, meter } from './runtime/meter.js';
import { LuaTable } from './runtime/table.js';
import type { LuaFunction, LuaValue } from './runtime/values.js';
import { parseChunk } from './syntax/statements.js';

export interface EnvironmentOptions {
  readonly host: ScriptHost;
  /** Called every `tickInterval` ticks: loops, calls and steps of library code. May throw ScriptAbort. */
  readonly onTick?: () => void;
  readonly tickInterval?: number;
  /** Bytes that a script may add to the heap; a third of the heap's limit when not given. */
  readonly memoryBytes?: number;
  /** More functions of the table `redis`. */
  readonly redisFunctions?: Readonly<Record<string, Native>>;
}

const TICK_INTERVAL = 10_000;
/** No syntax is nested when the compilation of a script begins. */
const COMPILE_LEVEL = 0;

/** A table that stands for the array of keys or arguments. */
function listTable(values: readonly string[]): LuaTable {
  const count = values.length;
  // The size that it would have grown to.
  const table = new LuaTable(count === 0 ? 0 : 2 ** Math.ceil(Math.log2(count)), 0);
  for (let i = 0; i < count; i++) table.setNumber(i + 1, values[i]);
  return table;
}

export class Environment implements CodeEnvironment {
  readonly globals = new LuaTable(0, 64);
  /** Of the script that runs; undefined where there are no such globals, as for functions. */
  private keysTable: LuaTable | undefined;
  private argvTable: LuaTable | undefined;
  private readonly options: EnvironmentOptions;

  private readonly limits: MeterLimits;

  constructor(options: EnvironmentOptions) {
    this.options = options;
    this.limits = {
      memoryBytes: options.memoryBytes ?? defaultMemoryBytes(),
      ticks: options.tickInterval ?? TICK_INTERVAL,
    };
    this.fillGlobals();
    this.lockGlobals();
  }

  private fillGlobals(): void {
    const { globals } = this;
    defineFunctions(globals, baseFunctions);
    defineFunctions(
      globals,
      loadingFunctions((source, name, level) => this.compileAt(source, name, level)),
    );
    const libraries: Readonly<Record<string, LuaTable>> = {
      string: stringLibrary(),
      table: tableLibrary(),
      math: mathLibrary(),
      coroutine: coroutineLibrary(),
      bit: bitLibrary(),
      cjson: cjsonLibrary(),
      cmsgpack: cmsgpackLibrary(),
      struct: structLibrary(),
      redis: redisLibrary(() => this.options.host, this.options.redisFunctions),
    };
    for (const [name, table] of Object.entries(libraries)) {
      table.isReadonly = true;
      globals.set(name, table);
    }
    globals.set('_VERSION', 'Lua 5.1');
    globals.set('_G', globals);
    globals.set('__redis__err__handler', native(errorHandler));
    globals.set('KEYS', undefined);
    globals.set('ARGV', undefined);
  }

  private lockGlobals(): void {
    const metatable = new LuaTable(0, 1);
    metatable.set(
      '__index',
      native((_, name) => {
        throw libraryError(missingGlobal(name));
      }),
    );
    metatable.isReadonly = true;
    this.globals.metatable = metatable;
    this.globals.isReadonly = true;
  }

  /** @throws LuaSyntaxError */
  compile(source: string, chunkName = '@user_script'): LuaFunction {
    return this.compileAt(source, chunkName, COMPILE_LEVEL);
  }

  /** What the text of a script shows about its keys (closedness.ts). @throws LuaSyntaxError */
  analyze(source: string, chunkName = '@user_script'): Closedness {
    return analyze(parseChunk(source, chunkName, COMPILE_LEVEL));
  }

  private compileAt(source: string, chunkName: string, level: number): LuaFunction {
    const chunk = parseChunk(source, chunkName, level);
    try {
      const code = generateChunk(chunk, this, CALL_DEPTH_MAX);
      return instantiate(code, chunk.name, this);
    } catch (thrown) {
      // JavaScript's parser has limits that Lua's has not: on the length of chains, for example.
      if (thrown instanceof RangeError || thrown instanceof SyntaxError) {
        throw new LuaSyntaxError(`${chunk.name}:1: function or expression too complex`);
      }
      throw thrown;
    }
  }

  /**
   * Runs a compiled script.
   * @throws LuaError when the script fails, ScriptAbort when the host ends it
   */
  run(script: LuaFunction, keys: readonly string[], argv: readonly string[]): readonly LuaValue[] {
    this.keysTable = listTable(keys);
    this.argvTable = listTable(argv);
    this.globals.set('KEYS', this.keysTable);
    this.globals.set('ARGV', this.argvTable);
    return this.call(script, []);
  }

  /** The same for a function with the keys and arguments as its two parameters. */
  runFunction(
    f: LuaFunction,
    keys: readonly string[],
    argv: readonly string[],
  ): readonly LuaValue[] {
    return this.call(f, [listTable(keys), listTable(argv)]);
  }

  private call(f: LuaFunction, args: readonly LuaValue[]): readonly LuaValue[] {
    meter.start(this.limits, this.options.onTick);
    resetCoroutines();
    resetJsonSettings();
    try {
      return toArray(callNative(f, args));
    } catch (thrown) {
      throw asLuaError(thrown);
    }
  }

  /** KEYS and ARGV, as generated code reads them. */
  get keys(): LuaValue {
    if (this.keysTable === undefined) throw runtimeError(missingGlobal('KEYS'));
    return this.keysTable;
  }

  get argv(): LuaValue {
    if (this.argvTable === undefined) throw runtimeError(missingGlobal('ARGV'));
    return this.argvTable;
  }

  /**
   * The state of math.random, which goes on from script to script as in Redis. A host that starts a
   * script over puts it back first.
   */
  get randomState(): bigint {
    return randomState.value;
  }

  set randomState(state: bigint) {
    randomState.value = state;
  }

  has(name: string): boolean {
    return name !== 'KEYS' && name !== 'ARGV' && this.globals.getString(name) !== undefined;
  }

  hasField(name: string, field: string): boolean {
    if (!this.has(name)) return false;
    const table = this.globals.getString(name);
    return (
      table instanceof LuaTable && table !== this.globals && table.getString(field) !== undefined
    );
  }

  constant(name: string): LuaValue {
    return this.globals.getString(name);
  }

  constantField(name: string, field: string): LuaValue {
    const table = this.globals.getString(name);
    return table instanceof LuaTable ? table.getString(field) : undefined;
  }

  /** Of a name that is not constant. */
  readGlobal(name: string): LuaValue {
    const value = this.globals.getString(name);
    if (value === undefined) throw runtimeError(missingGlobal(name));
    return value;
  }

  writeGlobal(_name: string, _value: LuaValue): void {
    throw runtimeError(READONLY_TEXT);
  }
}

function missingGlobal(name: LuaValue): string {
  return `Script attempted to access nonexistent global variable '${plainText(name)}'`;
}

/** Redis runs scripts under this handler; a script can call it like any function. */
function errorHandler(...args: LuaValue[]): LuaValue {
  const value = args[0];
  if (value instanceof LuaTable) return value;
  return errorTable(`ERR ${plainText(value)}`);
}

export { ScriptAbort } from './runtime/errors.js';
export { lineOf } from './runtime/positions.js';
export type { ScriptHost };
export { LuaError, LuaSyntaxError };
