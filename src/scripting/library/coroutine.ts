/** The coroutine library (runtime/coroutine.ts says what a coroutine is). */
import type { Arguments } from '../runtime/arguments.js';
import { settleGenerator, toArray, yieldError } from '../runtime/calls.js';
import { Coroutine } from '../runtime/coroutine.js';
import { LuaError } from '../runtime/errors.js';
import { argumentError, asLuaError, libraryError } from '../runtime/failures.js';
import { depths, handling, restore } from '../runtime/handlers.js';
import { ERROR_TICKS, meter, NATIVE_DEPTH_MAX } from '../runtime/meter.js';
import { numberToText } from '../runtime/number-text.js';
import { LuaTable } from '../runtime/table.js';
import type { LuaGenerator, LuaValue } from '../runtime/values.js';
import { defineFunctions, type Native, native } from './define.js';

/** An estimate of what a coroutine takes. */
const COROUTINE_BYTES = 1000;

/** The coroutine that runs, undefined in the main program. */
let running: Coroutine | undefined;

/** A run begins, whatever the one before left. */
export function resetCoroutines(): void {
  running = undefined;
}

function checkCoroutine(args: Arguments): Coroutine {
  const value = args[0];
  if (value instanceof Coroutine) return value;
  throw argumentError(1, 'coroutine expected');
}

function newCoroutine(args: Arguments): Coroutine {
  const body = args[0];
  if (typeof body !== 'function' || body.builtin === true) {
    throw argumentError(1, 'Lua function expected');
  }
  meter.allocate(COROUTINE_BYTES);
  return new Coroutine(body);
}

/** Runs to the next yield or the end. The name ends the walk of the stack (positions.ts). */
function resumeBody(coroutine: Coroutine, args: readonly LuaValue[]): readonly LuaValue[] {
  let { generator } = coroutine;
  if (generator === undefined) {
    const { body } = coroutine;
    if (body.generator === undefined) return finish(coroutine, toArray(body(...args)));
    generator = settleGenerator(body.generator(...args));
    coroutine.generator = generator;
  }
  const step = generator.next(args);
  if (step.done !== true) {
    coroutine.status = 'suspended';
    return toArray(step.value);
  }
  return finish(coroutine, toArray(step.value));
}

function finish(coroutine: Coroutine, results: readonly LuaValue[]): readonly LuaValue[] {
  coroutine.status = 'dead';
  return results;
}

/** @throws LuaError what ended the coroutine, or why it cannot be resumed */
function resumeCoroutine(coroutine: Coroutine, args: readonly LuaValue[]): readonly LuaValue[] {
  if (coroutine.status !== 'suspended') {
    throw new LuaError(`cannot resume ${coroutine.status} coroutine`);
  }
  if (meter.nativeDepth >= NATIVE_DEPTH_MAX) throw new LuaError('C stack overflow');
  const outer = depths();
  handling.handler = undefined;
  const resumer = running;
  if (resumer !== undefined) resumer.status = 'normal';
  running = coroutine;
  coroutine.status = 'running';
  meter.depth = coroutine.depth;
  meter.nativeDepth++;
  try {
    return resumeBody(coroutine, args);
  } catch (thrown) {
    coroutine.status = 'dead';
    throw asLuaError(thrown);
  } finally {
    coroutine.depth = meter.depth;
    restore(outer);
    running = resumer;
    if (resumer !== undefined) resumer.status = 'running';
  }
}

const resume: Native = (...args) => {
  const coroutine = checkCoroutine(args);
  try {
    return [true, ...resumeCoroutine(coroutine, args.slice(1))];
  } catch (thrown) {
    const { value } = asLuaError(thrown);
    meter.work(ERROR_TICKS);
    return [false, value];
  }
};

const wrap: Native = (...args) => {
  const coroutine = newCoroutine(args);
  return native((...values) => {
    try {
      return resumeCoroutine(coroutine, values);
    } catch (thrown) {
      const { value } = asLuaError(thrown);
      // It is raised once more, here.
      if (typeof value !== 'string' && typeof value !== 'number') throw new LuaError(value);
      throw libraryError(typeof value === 'number' ? numberToText(value) : value);
    }
  });
};

/** Called in a place from which it cannot yield. Inside a coroutine its generator runs instead. */
const yieldValues: Native = () => {
  throw yieldError();
};

function* yieldGenerator(...args: LuaValue[]): LuaGenerator {
  return yield args;
}

const status: Native = (...args) => checkCoroutine(args).status;

export function coroutineLibrary(): LuaTable {
  const table = defineFunctions(new LuaTable(0, 8), {
    create: (...args) => newCoroutine(args),
    resume,
    running: () => running,
    status,
    wrap,
    yield: (...args) => yieldValues(...args),
  });
  const yielding = table.getString('yield');
  if (typeof yielding === 'function') yielding.generator = yieldGenerator;
  return table;
}
