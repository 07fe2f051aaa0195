/** The operators of Lua on values that are not both numbers: coercions and metamethods. */
import { moduloNumbers, powerNumbers } from './arithmetic.js';
import { callMeta } from './calls.js';
import { LuaError, MEMORY_ERROR_TEXT } from './errors.js';
import { compareError, concatError, runtimeError, typeError } from './failures.js';
import { metamethod } from './metatables.js';
import { meter, STRING_MAX_BYTES } from './meter.js';
import { numberToText, parseNumber } from './number-text.js';
import { LuaTable } from './table.js';
import { flattened } from './text-builder.js';
import { isText, type LuaValue } from './values.js';

/** Up to here a comparison of texts takes no time that counts. */
const SHORT_BYTES = 1024;

/** The number that a value is or that a string means. */
export function toNumber(value: LuaValue): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? parseNumber(value) : undefined;
}

type Arithmetic = (a: number, b: number) => number;

function arithmetic(a: LuaValue, b: LuaValue, event: string, compute: Arithmetic): LuaValue {
  const x = toNumber(a);
  const y = toNumber(b);
  if (x !== undefined && y !== undefined) return compute(x, y);
  const handler = metamethod(a, event) ?? metamethod(b, event);
  if (handler !== undefined) return callMeta(handler, a, b);
  if (x === undefined) throw typeError('perform arithmetic on', a, 'first');
  throw typeError('perform arithmetic on', b, 'second');
}

const plus: Arithmetic = (a, b) => a + b;
const minus: Arithmetic = (a, b) => a - b;
const times: Arithmetic = (a, b) => a * b;
const over: Arithmetic = (a, b) => a / b;

export function add(a: LuaValue, b: LuaValue): LuaValue {
  return arithmetic(a, b, '__add', plus);
}
export function subtract(a: LuaValue, b: LuaValue): LuaValue {
  return arithmetic(a, b, '__sub', minus);
}
export function multiply(a: LuaValue, b: LuaValue): LuaValue {
  return arithmetic(a, b, '__mul', times);
}
export function divide(a: LuaValue, b: LuaValue): LuaValue {
  return arithmetic(a, b, '__div', over);
}
export function modulo(a: LuaValue, b: LuaValue): LuaValue {
  return arithmetic(a, b, '__mod', moduloNumbers);
}
export function power(a: LuaValue, b: LuaValue): LuaValue {
  return arithmetic(a, b, '__pow', powerNumbers);
}

export function negate(a: LuaValue): LuaValue {
  const x = toNumber(a);
  if (x !== undefined) return -x;
  const handler = metamethod(a, '__unm');
  if (handler !== undefined) return callMeta(handler, a, a);
  throw typeError('perform arithmetic on', a, 'first');
}

/** Lua has no `__len` for tables in 5.1. */
export function length(value: LuaValue): LuaValue {
  if (value instanceof LuaTable) return value.length();
  if (typeof value === 'string') return value.length;
  throw typeError('get length of', value, 'first');
}

/** Of two objects of one kind: what both metatables have. */
function sharedHandler(a: LuaValue, b: LuaValue, event: string): LuaValue {
  const handler = metamethod(a, event);
  if (handler === undefined) return undefined;
  return handler === metamethod(b, event) ? handler : undefined;
}

export function isTruthy(value: LuaValue): boolean {
  return value !== undefined && value !== false;
}

/** The operands are not the same. */
export function equals(a: LuaValue, b: LuaValue): boolean {
  if (!(a instanceof LuaTable) || !(b instanceof LuaTable)) return false;
  if (a.metatable === undefined || b.metatable === undefined) return false;
  const handler = sharedHandler(a, b, '__eq');
  return handler !== undefined && isTruthy(callMeta(handler, a, b));
}

/** Only values of one type are compared; metamethods are for the rest of these. */
function ordered(a: LuaValue, b: LuaValue): boolean {
  return typeof a === typeof b && a instanceof LuaTable === b instanceof LuaTable;
}

/** Long texts take time to compare. */
function countComparison(a: string, b: string): void {
  if (a.length > SHORT_BYTES && b.length > SHORT_BYTES) meter.workOnBytes(a.length);
}

export function lessThan(a: LuaValue, b: LuaValue): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b;
  if (typeof a === 'string' && typeof b === 'string') {
    countComparison(a, b);
    return a < b;
  }
  if (!ordered(a, b)) throw compareError(a, b);
  const handler = sharedHandler(a, b, '__lt');
  if (handler === undefined) throw compareError(a, b);
  return isTruthy(callMeta(handler, a, b));
}

export function lessEqual(a: LuaValue, b: LuaValue): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a <= b;
  if (typeof a === 'string' && typeof b === 'string') {
    countComparison(a, b);
    return a <= b;
  }
  if (!ordered(a, b)) throw compareError(a, b);
  const handler = sharedHandler(a, b, '__le');
  if (handler !== undefined) return isTruthy(callMeta(handler, a, b));
  const less = sharedHandler(b, a, '__lt');
  if (less === undefined) throw compareError(a, b);
  return !isTruthy(callMeta(less, b, a));
}

function text(value: string | number): string {
  return typeof value === 'string' ? value : numberToText(value);
}

export function concat2(a: LuaValue, b: LuaValue): LuaValue {
  if (!isText(a) || !isText(b)) return concatOther(a, b, 0);
  const left = text(a);
  const right = text(b);
  meter.allocateString(left.length + right.length);
  return meter.isEager ? flattened(left + right) : left + right;
}

function concatOther(a: LuaValue, b: LuaValue, index: number): LuaValue {
  const handler = metamethod(a, '__concat') ?? metamethod(b, '__concat');
  if (handler !== undefined) return callMeta(handler, a, b);
  throw isText(a) ? concatError(b, index + 1) : concatError(a, index);
}

/** From the right: as many texts as there are at once, then a metamethod for two operands. */
export function concat(values: LuaValue[]): LuaValue {
  let end = values.length - 1;
  let result = values[end];
  while (end > 0) {
    const before = values[end - 1];
    if (!isText(before) || !isText(result)) {
      result = concatOther(before, result, end - 1);
      end--;
      continue;
    }
    let joined = text(result);
    while (end > 0 && isText(values[end - 1])) {
      joined = text(values[end - 1] as string | number) + joined;
      if (joined.length > STRING_MAX_BYTES / 2) throw new LuaError(MEMORY_ERROR_TEXT);
      end--;
    }
    meter.allocateString(joined.length);
    result = meter.isEager ? flattened(joined) : joined;
  }
  return result;
}

const FOR_PARTS = ['initial value', 'limit', 'step'];

/** The three numbers of a for loop, when not all are numbers as they are. */
export function forNumbers(...values: LuaValue[]): number[] {
  return values.map((value, i) => {
    const x = toNumber(value);
    if (x === undefined) throw runtimeError(`'for' ${FOR_PARTS[i]} must be a number`);
    return x;
  });
}
