/** Calls: what can be called, results as they come, tail calls, and calls from library code. */
import { LuaError } from './errors.js';
import { runtimeError, stackOverflow, typeError } from './failures.js';
import { metamethod } from './metatables.js';
import { meter, NATIVE_DEPTH_HARD_MAX, NATIVE_DEPTH_MAX } from './meter.js';
import { LuaTable } from './table.js';
import {
  type LuaFunction,
  type LuaGenerator,
  type LuaResult,
  type LuaValue,
  NONE,
  TAIL,
} from './values.js';

/** The prototype that all generators share, for `instanceof`. */
export function Generator(): void {}
Generator.prototype = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})()));

export function isTailCall(result: LuaResult): result is readonly LuaValue[] {
  return Array.isArray(result) && result[0] === TAIL;
}

/** Makes the calls that tail calls left to do. */
export function settle(result: LuaResult): LuaResult {
  let settled = result;
  while (isTailCall(settled)) {
    const f = settled[1] as LuaFunction;
    settled = f(...(settled[2] as unknown as LuaValue[]));
  }
  return settled;
}

/** Of an array of results the first one; makes a tail call that is left to do. */
function first(results: readonly LuaValue[]): LuaValue {
  if (results[0] !== TAIL) return results[0];
  const settled = settle(results);
  return Array.isArray(settled) ? (settled as readonly LuaValue[])[0] : (settled as LuaValue);
}

/** One value of results as they come. */
export function one(result: LuaResult): LuaValue {
  return Array.isArray(result) ? first(result) : (result as LuaValue);
}

/** All results as an array. */
export function toArray(result: LuaResult): readonly LuaValue[] {
  if (!Array.isArray(result)) return [result as LuaValue];
  if (result[0] !== TAIL) return result;
  return toArray(settle(result));
}

/** Leaves a tail call to the caller, so that its frame is gone first. */
export function tailCall(f: LuaFunction, args: LuaValue[]): LuaResult {
  if (f.builtin === true) return f(...args);
  return [TAIL, f, args as unknown as LuaValue];
}

/**
 * A function for a value that is called and is none: it looks for `__call`, or fails, but only
 * when it runs, because the arguments are evaluated before that.
 */
export function callable(value: LuaValue): LuaFunction {
  const handler = metamethod(value, '__call');
  if (typeof handler !== 'function') {
    const fail: LuaFunction = () => {
      throw typeError('call', value, 'first');
    };
    fail.builtin = true;
    return fail;
  }
  const call: LuaFunction = (...args) => handler(value, ...args);
  const { generator } = handler;
  if (generator !== undefined) call.generator = (...args) => generator(value, ...args);
  return call;
}

function enterNative(): void {
  const depth = ++meter.nativeDepth;
  if (depth < NATIVE_DEPTH_MAX) return;
  if (depth === NATIVE_DEPTH_MAX) throw runtimeError('C stack overflow');
  if (depth >= NATIVE_DEPTH_HARD_MAX) throw new LuaError('error in error handling');
}

/** A library function calls a value. The name means a level of the stack (positions.ts). */
export function callNative(f: LuaValue, args: readonly LuaValue[]): LuaResult {
  enterNative();
  const target = typeof f === 'function' ? f : calledByLibrary(f);
  const result = settle(target(...args));
  meter.nativeDepth--;
  return result;
}

/** The host calls: below it there is no level. */
export function callFromHost(f: LuaFunction, args: readonly LuaValue[]): LuaResult {
  enterNative();
  const result = settle(f(...args));
  meter.nativeDepth--;
  return result;
}

/**
 * A library function does an operation of Lua: errors have no position, as no Lua code does it.
 * It is no call of its own for Lua's limit.
 */
export function inLibrary(operation: LuaFunction, a: LuaValue, b: LuaValue): LuaValue {
  meter.nativeDepth--;
  const result = one(callNative(operation, [a, b]));
  meter.nativeDepth++;
  return result;
}

function calledByLibrary(value: LuaValue): LuaFunction {
  const handler = metamethod(value, '__call');
  if (typeof handler !== 'function') throw typeError('call', value, 'none');
  return (...args) => handler(value, ...args);
}

/** An operation of Lua calls a metamethod, for one result. */
export function callMeta(f: LuaValue, a: LuaValue, b: LuaValue): LuaValue {
  enterNative();
  const target = typeof f === 'function' ? f : calledByLibrary(f);
  const result = one(target(a, b));
  meter.nativeDepth--;
  return result;
}

/** The same for `__newindex`, which has a value and no result. */
export function callNewIndex(f: LuaValue, object: LuaValue, key: LuaValue, value: LuaValue): void {
  enterNative();
  const target = typeof f === 'function' ? f : calledByLibrary(f);
  settle(target(object, key, value));
  meter.nativeDepth--;
}

/** The iterator of a generic for. */
export function iterate(f: LuaValue, state: LuaValue, control: LuaValue): readonly LuaValue[] {
  enterNative();
  const target = typeof f === 'function' ? f : calledByLibrary(f);
  const results = toArray(target(state, control));
  meter.nativeDepth--;
  return results;
}

export function overflow(): never {
  meter.depth--;
  throw stackOverflow();
}

/** An estimate of what a closure and its variables take. */
const CLOSURE_BYTES = 200;

/** A closure is made: its memory counts. */
export function made(plain: LuaFunction): LuaFunction {
  meter.allocate(CLOSURE_BYTES);
  return plain;
}

/** A function in both forms. */
export function dual(plain: LuaFunction, generator: LuaFunction['generator']): LuaFunction {
  meter.allocate(2 * CLOSURE_BYTES);
  plain.generator = generator!;
  return plain;
}

/** A function that exists as a generator only: a plain caller runs it to its end. */
export function driven(generator: (...args: LuaValue[]) => LuaGenerator): LuaFunction {
  meter.allocate(2 * CLOSURE_BYTES);
  const plain: LuaFunction = (...args) => {
    const step = settleGenerator(generator(...args)).next(NONE);
    if (step.done !== true) throw yieldError();
    return step.value;
  };
  plain.generator = generator;
  return plain;
}

export function yieldError(): LuaError {
  return new LuaError('attempt to yield across metamethod/C-call boundary');
}

/** What a call inside a coroutine runs: the generator, if there is one. */
export function resumable(f: LuaFunction): (...args: LuaValue[]) => LuaResult | LuaGenerator {
  return f.generator ?? f;
}

/** Runs a generator inside a coroutine, and the tail calls that it leaves to do. */
export function* settleGenerator(generator: LuaGenerator): LuaGenerator {
  let result: LuaResult = yield* generator;
  while (isTailCall(result)) {
    const f = result[1] as LuaFunction;
    const next = resumable(f)(...(result[2] as unknown as LuaValue[]));
    result = next instanceof Generator ? yield* next as LuaGenerator : (next as LuaResult);
  }
  return result;
}

/** The table `arg` of Lua 5.0, for functions with `...` that do not use it. */
export function argTable(values: readonly LuaValue[]): LuaTable {
  const table = new LuaTable(values.length, 1);
  for (let i = 0; i < values.length; i++) table.setNumber(i + 1, values[i]);
  table.set('n', values.length);
  return table;
}
