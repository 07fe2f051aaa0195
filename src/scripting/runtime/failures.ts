/** Makes errors of Lua, with position and names, in Lua's words. */

import { Coroutine } from './coroutine.js';
import { LuaError, MEMORY_ERROR_TEXT } from './errors.js';
import { meter } from './meter.js';
import {
  calledAs,
  currentSite,
  type Origin,
  originOfLevel,
  placeOfOverflow,
  positionOf,
} from './positions.js';
import { LuaTable } from './table.js';
import { flattened } from './text-builder.js';
import type { LuaValue } from './values.js';

const SHORT_MESSAGE = 256;

export function typeName(value: LuaValue): string {
  switch (typeof value) {
    case 'undefined':
      return 'nil';
    case 'boolean':
    case 'number':
    case 'string':
    case 'function':
      return typeof value;
    default:
      if (value instanceof LuaTable) return 'table';
      return value instanceof Coroutine ? 'thread' : 'userdata';
  }
}

/** An error of an operation: with the position, if Lua code and not a library does it. */
export function runtimeError(message: string): LuaError {
  const { position, origin } = currentSite();
  return newError(`${position}${message}`, origin);
}

/** Messages quote what a script gives, however long. */
function newError(message: string, origin?: Origin): LuaError {
  if (message.length > SHORT_MESSAGE) meter.allocateString(message.length);
  return new LuaError(flattened(message), origin);
}

/** `attempt to <action> <name> (a <type> value)`; `which` operand of the site it is. */
export function typeError(
  action: string,
  value: LuaValue,
  which: 'first' | 'second' | 'none',
): LuaError {
  const { site, position, origin } = currentSite();
  const name = which === 'none' || site === undefined ? '' : site[which];
  return describeType(action, value, name, position, origin);
}

/** The same for an operand of a concatenation. */
export function concatError(value: LuaValue, index: number): LuaError {
  const { site, position, origin } = currentSite();
  const name = site === undefined ? '' : (site.first.split('\n')[index] ?? '');
  return describeType('concatenate', value, name, position, origin);
}

function describeType(
  action: string,
  value: LuaValue,
  name: string,
  position: string,
  origin: Origin | undefined,
): LuaError {
  const type = typeName(value);
  const what = name === '' ? `a ${type} value` : `${name} (a ${type} value)`;
  return new LuaError(`${position}attempt to ${action} ${what}`, origin);
}

export function compareError(left: LuaValue, right: LuaValue): LuaError {
  const [a, b] = [typeName(left), typeName(right)];
  if (a === b) return runtimeError(`attempt to compare two ${a} values`);
  return runtimeError(`attempt to compare ${a} with ${b}`);
}

/** An error of a library function: at the position of its caller. */
export function libraryError(message: string, level = 1): LuaError {
  return newError(`${positionOf(level)}${message}`);
}

export function argumentError(index: number, message: string): LuaError {
  const { name, isMethod, position } = calledAs();
  let place = index;
  if (isMethod) {
    place--;
    if (place === 0) return new LuaError(`${position}calling '${name}' on bad self (${message})`);
  }
  return newError(`${position}bad argument #${place} to '${name}' (${message})`);
}

export function argumentTypeError(
  index: number,
  expected: string,
  value: LuaValue,
  isMissing: boolean,
): LuaError {
  const got = isMissing ? 'no value' : typeName(value);
  return argumentError(index, `${expected} expected, got ${got}`);
}

/** A new call finds the stack full. Lua reports the line of the call, the callee's caller. */
export function stackOverflow(): LuaError {
  return new LuaError(`${positionOf(2)}stack overflow`, originOfLevel(2));
}

/**
 * The Lua error that something thrown stands for. What Lua must not catch is thrown again:
 * ScriptAbort, and errors of the program itself.
 */
export function asLuaError(thrown: unknown): LuaError {
  if (thrown instanceof LuaError) return thrown;
  if (thrown instanceof RangeError) {
    if (/call stack/.test(thrown.message)) {
      const { position, origin } = placeOfOverflow(thrown.stack ?? '');
      return new LuaError(`${position}stack overflow`, origin);
    }
    return new LuaError(MEMORY_ERROR_TEXT);
  }
  throw thrown;
}
