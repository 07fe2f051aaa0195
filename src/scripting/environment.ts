/**
 * Where scripts are compiled and run: the globals of Redis, locked, and one host.
 *
 *   const environment = new Environment({ host });
 *   const script = environment.compile(source, '@user_script');
 *   const values = environment.run(script, inputOf(keys, args));
 *   environment.finish();
 *
 * A thread has as many environments as it likes and runs one script at a time. Nothing that a
 * script does stays: globals and library tables are read-only, the rest is made anew for each run.
 */
import { analyze, type Closedness } from './closedness.js';
import { generateChunk } from './code/chunk.js';
import { type CodeEnvironment, instantiate } from './code/instantiate.js';
import { baseFunctions, cText, plainText } from './library/base.js';
import { bitLibrary } from './library/bit.js';
import { cjsonLibrary, resetJsonSettings } from './library/cjson.js';
import { cmsgpackLibrary } from './library/cmsgpack.js';
import { coroutineLibrary, resetCoroutines } from './library/coroutine.js';
import { defineFunctions, type Native, native } from './library/define.js';
import { errorHandler } from './library/error-handler.js';
import { loadingFunctions } from './library/loading.js';
import { mathLibrary, randomState } from './library/math.js';
import { performing, redisLibrary, type ScriptHost } from './library/redis.js';
import { stringLibrary } from './library/string.js';
import { structLibrary } from './library/struct.js';
import { tableLibrary } from './library/table.js';
import { callFromHost, toArray } from './runtime/calls.js';
import { LuaError, LuaSyntaxError } from './runtime/errors.js';
import { asLuaError, libraryError, runtimeError } from './runtime/failures.js';
import { depths, handleError, handling } from './runtime/handlers.js';
import { READONLY_TEXT } from './runtime/indexing.js';
import {
  argumentIndex,
  argumentsOf,
  InputReference,
  keyIndex,
  keysOf,
  numberOfInput,
  type ScriptInput,
} from './runtime/input.js';
import {
  CALL_DEPTH_MAX,
  defaultMemoryBytes,
  type MeterLimits,
  meter,
  NATIVE_DEPTH_BASE,
} from './runtime/meter.js';
import { LuaTable } from './runtime/table.js';
import { isText, type LuaFunction, type LuaValue, NONE } from './runtime/values.js';
import { hidesCode } from './syntax/list-uses.js';
import { parseChunk } from './syntax/statements.js';
import type { Chunk } from './syntax/tree.js';

export interface EnvironmentOptions {
  readonly host: ScriptHost;
  /** Called every `tickInterval` ticks: loops, calls and steps of library code. May throw ScriptAbort. */
  readonly onTick?: () => void;
  readonly tickInterval?: number;
  /** Bytes that a script may add to the heap; a third of the heap's limit when not given. */
  readonly memoryBytes?: number;
  /** Of libraries of functions: what their table `redis` has, and that of scripts has not. */
  readonly redisFunctions?: Readonly<Record<string, Native>>;
}

export interface AnalyzedScript {
  readonly run: LuaFunction;
  readonly closedness: Closedness;
}

const TICK_INTERVAL = 10_000;
/** No syntax is nested when the compilation of a script begins. */
const COMPILE_LEVEL = 0;

/** KEYS and ARGV until they have their places. */
const NO_LIST = new LuaTable();

export class Environment implements CodeEnvironment {
  /** Null until something is compiled: most servers run no scripts. */
  private table: LuaTable | null = null;
  /** Of the script that runs; undefined where there are no KEYS and ARGV, as for functions. */
  input: ScriptInput | undefined;
  private keys: LuaTable | undefined;
  private argv: LuaTable | undefined;
  private areListsGlobal = false;
  /** Where the table of globals has them. */
  private keysPosition = 0;
  private argvPosition = 0;
  private readonly options: EnvironmentOptions;
  readonly perform: (...args: LuaValue[]) => void;
  private readonly limits: MeterLimits;
  /** Of errors that end a script or a function. */
  private readonly handler = errorHandler((source, name) =>
    this.compileLoaded(source, name, COMPILE_LEVEL),
  );

  constructor(options: EnvironmentOptions) {
    this.options = options;
    this.perform = performing(options.host);
    this.limits = {
      memoryBytes: options.memoryBytes ?? defaultMemoryBytes(),
      ticks: options.tickInterval ?? TICK_INTERVAL,
    };
  }

  get globals(): LuaTable {
    return this.table ?? this.createGlobals();
  }

  private createGlobals(): LuaTable {
    const globals = new LuaTable(0, 64);
    this.table = globals;
    this.fillGlobals(globals);
    lockGlobals(globals);
    return globals;
  }

  private fillGlobals(globals: LuaTable): void {
    defineFunctions(globals, baseFunctions);
    defineFunctions(
      globals,
      loadingFunctions((source, name, level) => this.compileLoaded(source, name, level)),
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
    if (this.options.redisFunctions === undefined) {
      globals.set('__redis__err__handler', this.handler);
    }
    this.addLists(globals);
  }

  /** Their nodes stay where they are, as nothing is added any more. */
  private addLists(globals: LuaTable): void {
    globals.set('KEYS', NO_LIST);
    globals.set('ARGV', NO_LIST);
    this.keysPosition = globals.positionOf('KEYS');
    this.argvPosition = globals.positionOf('ARGV');
    this.setLists(undefined, undefined);
  }

  /** @throws LuaSyntaxError */
  compile(source: string, chunkName = '@user_script'): LuaFunction {
    return this.compileAnalyzed(source, chunkName).run;
  }

  /** The same, with what its text shows about its keys (closedness.ts). @throws LuaSyntaxError */
  compileAnalyzed(source: string, chunkName = '@user_script'): AnalyzedScript {
    return this.inBounds(() => {
      const chunk = parseChunk(source, chunkName, COMPILE_LEVEL);
      return { run: this.compileChunk(chunk, true), closedness: analyzed(chunk) };
    });
  }

  /** The same for a library of functions, which no input is given to. */
  compileLibrary(source: string): LuaFunction {
    return this.inBounds(() => this.compileLoaded(source, '@user_function', COMPILE_LEVEL));
  }

  /** Reads a source outside of a run. One that needs too much memory does not compile. */
  private inBounds<T>(read: () => T): T {
    meter.start(this.limits, undefined);
    try {
      return read();
    } catch (thrown) {
      throw thrown instanceof LuaError ? new LuaSyntaxError(plainText(thrown.value)) : thrown;
    } finally {
      meter.finish();
    }
  }

  /**
   * Code to which KEYS and ARGV are globals as others are: a script that loads some may have changed them, and
   * libraries have none.
   */
  private compileLoaded(source: string, chunkName: string, level: number): LuaFunction {
    const chunk = parseChunk(source, chunkName, level);
    return this.compileChunk({ ...chunk, plainLists: new Set() }, false);
  }

  private compileChunk(chunk: Chunk, runsOnce: boolean): LuaFunction {
    // Also for a chunk that names none: with the globals, strings get their methods.
    if (this.table === null) this.createGlobals();
    try {
      const code = generateChunk(chunk, this, CALL_DEPTH_MAX, runsOnce);
      const f = instantiate(code, chunk, this);
      if (hidesCode(chunk.globals)) f.hidesCode = true;
      return f;
    } catch (thrown) {
      // JavaScript's parser has limits that Lua's has not: on the length of chains, for example.
      if (thrown instanceof RangeError || thrown instanceof SyntaxError) {
        throw new LuaSyntaxError(`${chunk.name}:1: function or expression too complex`);
      }
      throw thrown;
    }
  }

  /**
   * Runs a compiled script. `finish` follows, whatever comes of it.
   * @param input stays as it is until `finish`
   * @throws LuaError when the script fails, ScriptAbort when the host ends it
   */
  run(script: LuaFunction, input: ScriptInput): readonly LuaValue[] {
    this.startMeter();
    this.input = input;
    this.keys = undefined;
    this.argv = undefined;
    if (script.hidesCode === true) this.makeLists();
    handling.handler = this.handler;
    return this.call(script, NONE);
  }

  /** The same for a function with the keys and arguments as its two parameters. */
  runFunction(f: LuaFunction, keys: LuaTable, argv: LuaTable): readonly LuaValue[] {
    this.startMeter();
    handling.handler = this.handler;
    return this.call(f, [keys, argv]);
  }

  /** The code of a library, which registers functions. Its errors are not handled. */
  runLibrary(f: LuaFunction): void {
    this.startMeter();
    handling.handler = undefined;
    this.call(f, NONE);
  }

  /**
   * What Redis's handler makes of the error that ended a run: a table. Code of the script may run once
   * more, in metamethods of its own table. Before `finish`.
   */
  handled(error: LuaError): LuaValue {
    const { nativeDepth } = meter;
    meter.depth = 0;
    meter.nativeDepth = NATIVE_DEPTH_BASE;
    return handleError(this.handler, error, depths(), nativeDepth);
  }

  private startMeter(): void {
    meter.start(this.limits, this.options.onTick);
  }

  /** After a run, when its results are used: gives back what it took, if that was much. */
  finish(): void {
    if (this.input !== undefined) this.dropInput();
    meter.finish();
  }

  // KEYS and ARGV.

  /** The table of a script that does not only read places of it; made when it is first used. */
  get keysTable(): LuaTable | undefined {
    if (this.input === undefined) return undefined;
    this.keys ??= keysOf(this.input);
    return this.keys;
  }

  get argvTable(): LuaTable | undefined {
    if (this.input === undefined) return undefined;
    this.argv ??= argumentsOf(this.input);
    return this.argv;
  }

  key(place: number): LuaValue {
    const input = this.input!;
    const index = keyIndex(input, place);
    return index < 0 ? undefined : input.text(index);
  }

  argument(place: number): LuaValue {
    const input = this.input!;
    const index = argumentIndex(input, place);
    return index < 0 ? undefined : input.text(index);
  }

  keyNumber(place: number): LuaValue {
    const input = this.input!;
    return numberOfInput(input, keyIndex(input, place));
  }

  argumentNumber(place: number): LuaValue {
    const input = this.input!;
    return numberOfInput(input, argumentIndex(input, place));
  }

  reference(isKey: boolean, place: number): InputReference {
    return new InputReference(this, isKey, place);
  }

  /** For code that finds them among the globals. */
  private makeLists(): void {
    this.setLists(this.keysTable, this.argvTable);
    this.areListsGlobal = true;
  }

  private setLists(keys: LuaTable | undefined, argv: LuaTable | undefined): void {
    const { globals } = this;
    globals.setValueAt(this.keysPosition, keys);
    globals.setValueAt(this.argvPosition, argv);
  }

  private dropInput(): void {
    this.input = undefined;
    this.keys = undefined;
    this.argv = undefined;
    if (!this.areListsGlobal) return;
    this.areListsGlobal = false;
    this.setLists(undefined, undefined);
  }

  private call(f: LuaFunction, args: readonly LuaValue[]): readonly LuaValue[] {
    resetCoroutines();
    resetJsonSettings();
    try {
      return toArray(callFromHost(f, args));
    } catch (thrown) {
      throw asLuaError(thrown);
    }
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

  isFunction(name: string, field?: string): boolean {
    if (field === undefined) return this.has(name) && typeof this.constant(name) === 'function';
    return this.hasField(name, field) && typeof this.constantField(name, field) === 'function';
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

function analyzed(chunk: Chunk): Closedness {
  try {
    return analyze(chunk);
  } catch (thrown) {
    // Chains that are too long to be followed: nobody knows.
    if (thrown instanceof RangeError) return { calls: undefined };
    throw thrown;
  }
}

function lockGlobals(globals: LuaTable): void {
  const metatable = new LuaTable(0, 1);
  metatable.set(
    '__index',
    native((_, name) => {
      throw libraryError(missingGlobal(name));
    }),
  );
  metatable.isReadonly = true;
  globals.metatable = metatable;
  globals.isReadonly = true;
}

function missingGlobal(name: LuaValue): string {
  if (!isText(name)) return 'Second argument to luaProtectedTableError must be a string or number';
  return `Script attempted to access nonexistent global variable '${cText(plainText(name))}'`;
}

export { ScriptAbort } from './runtime/errors.js';
export { inputOf } from './runtime/input.js';
export type { ScriptHost, ScriptInput };
export { LuaError, LuaSyntaxError };
