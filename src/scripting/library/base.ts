/** The base library, as far as Redis offers it. Loading of code is in loading.ts. */
import {
  check,
  checkAny,
  checkInt,
  checkOption,
  checkString,
  checkTable,
  isNil,
  optionalInt,
  optionalString,
} from '../runtime/arguments.js';
import { callNative, toArray } from '../runtime/calls.js';
import { LuaError } from '../runtime/errors.js';
import { libraryError, typeName } from '../runtime/failures.js';
import { caught, depths, handleError, handling } from '../runtime/handlers.js';
import { indexInLibrary, iterators, READONLY_TEXT, storeRaw } from '../runtime/indexing.js';
import { metamethod, metatableOf } from '../runtime/metatables.js';
import { meter } from '../runtime/meter.js';
import { numberToText, parseNumber, trim } from '../runtime/number-text.js';
import { isTruthy } from '../runtime/operations.js';
import { identityOf, LuaTable } from '../runtime/table.js';
import { isText, type LuaValue, NONE, Userdata } from '../runtime/values.js';
import { type Native, native } from './define.js';

/** Values that a C function of Lua may have on its stack. */
const STACK_MAX = 8000;
/** A number or an address as text. */
const TEXT_BYTES = 64;
const COLLECT_OPTIONS = ['stop', 'restart', 'collect', 'count', 'step', 'setpause', 'setstepmul'];
const ULONG_MAX = 2 ** 64;

export function toText(value: LuaValue): LuaValue {
  const handler = metamethod(value, '__tostring');
  if (handler !== undefined) {
    return toArray(callNative(handler, [value]))[0];
  }
  return plainText(value);
}

export function plainText(value: LuaValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return numberToText(value);
  if (value === undefined) return 'nil';
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Userdata) return value.text;
  return `${typeName(value)}: 0x${identityOf(value).toString(16).padStart(12, '0')}`;
}

const tostring: Native = (...args) => {
  meter.allocate(TEXT_BYTES);
  return toText(checkAny(args, 1));
};

function digitValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 122 ? lower - 87 : 99;
}

/** C's strtoul of a whole string, blanks around it allowed. */
function parseInBase(text: string, base: number): number | undefined {
  const nul = text.indexOf('\0');
  const body = trim(nul < 0 ? text : text.slice(0, nul));
  const isNegative = body.startsWith('-');
  let digits = isNegative || body.startsWith('+') ? body.slice(1) : body;
  if (base === 16 && /^0[xX][0-9a-fA-F]/.test(digits)) digits = digits.slice(2);
  if (digits === '') return undefined;
  let value = 0n;
  for (let i = 0; i < digits.length; i++) {
    const digit = digitValue(digits.charCodeAt(i));
    if (digit >= base) return undefined;
    if (--meter.ticks < 0) meter.tick();
    if (value < 2n ** 64n) value = value * BigInt(base) + BigInt(digit);
  }
  if (value >= 2n ** 64n) return ULONG_MAX;
  return Number(isNegative ? BigInt.asUintN(64, -value) : value);
}

const tonumber: Native = (...args) => {
  const base = optionalInt(args, 2, 10);
  if (base === 10) {
    const value = checkAny(args, 1);
    if (typeof value === 'number') return value;
    return typeof value === 'string' ? parseNumber(value) : undefined;
  }
  const text = checkString(args, 1);
  check(base >= 2 && base <= 36, 2, 'base out of range');
  return parseInBase(text, base);
};

const next: Native = (...args) => {
  const table = checkTable(args, 1);
  const position = table.positionOf(args[1]);
  if (position < 0) throw new LuaError("invalid key to 'next'");
  const following = table.nextPosition(position);
  if (following === 0) return undefined;
  return [table.keyAt(following), table.valueAt(following)];
};

const nextItem: Native = (...args) => {
  const index = checkInt(args, 2) + 1;
  const value = checkTable(args, 1).get(index);
  return value === undefined ? NONE : [index, value];
};

iterators.next = native(next);
iterators.nextItem = native(nextItem);

const pairs: Native = (...args) => [iterators.next, checkTable(args, 1), undefined];
const ipairs: Native = (...args) => [iterators.nextItem, checkTable(args, 1), 0];

const rawequal: Native = (...args) => checkAny(args, 1) === checkAny(args, 2);

const rawget: Native = (...args) => {
  const table = checkTable(args, 1);
  return table.get(checkAny(args, 2));
};

const rawset: Native = (...args) => {
  const table = checkTable(args, 1);
  const key = checkAny(args, 2);
  const value = checkAny(args, 3);
  if (table.isReadonly) throw new LuaError(READONLY_TEXT);
  if (key === undefined) throw new LuaError('table index is nil');
  if (Number.isNaN(key)) throw new LuaError('table index is NaN');
  storeRaw(table, key, value);
  return table;
};

const getmetatable: Native = (...args) => {
  const metatable = metatableOf(checkAny(args, 1));
  return metatable === undefined ? undefined : (metatable.getString('__metatable') ?? metatable);
};

const setmetatable: Native = (...args) => {
  const table = checkTable(args, 1);
  const metatable = args[1];
  const isFit = args.length > 1 && (metatable === undefined || metatable instanceof LuaTable);
  check(isFit, 2, 'nil or table expected');
  if (table.metatable?.getString('__metatable') !== undefined) {
    throw libraryError('cannot change a protected metatable');
  }
  if (table.isReadonly) throw new LuaError(READONLY_TEXT);
  table.metatable = metatable as LuaTable | undefined;
  return table;
};

const select: Native = (...args) => {
  if (args[0] === '#') return args.length - 1;
  let from = checkInt(args, 1);
  if (from < 0) from = args.length + from;
  else if (from > args.length) from = args.length;
  check(from >= 1, 1, 'index out of range');
  return args.slice(from);
};

const unpack: Native = (...args) => {
  const table = checkTable(args, 1);
  const from = optionalInt(args, 2, 1);
  const to = isNil(args, 3) ? table.length() : checkInt(args, 3);
  if (from > to) return NONE;
  const count = to - from + 1;
  if (count + args.length > STACK_MAX) throw libraryError('too many results to unpack');
  const values: LuaValue[] = [];
  for (let i = from; i <= to; i++) values.push(table.getNumber(i));
  return values;
};

const assert: Native = (...args) => {
  if (isTruthy(checkAny(args, 1))) return args;
  throw libraryError(cText(optionalString(args, 2, 'assertion failed!')));
};

/** What C's `%s` prints: up to a NUL. */
export function cText(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}

const error: Native = (...args) => {
  const level = optionalInt(args, 2, 1);
  const value = args[0];
  if ((typeof value !== 'string' && typeof value !== 'number') || level <= 0) {
    throw new LuaError(value);
  }
  throw libraryError(plainText(value), level);
};

/** Redis's own: of an error that is a table with a text in `err` the caller gets the text. */
const pcall: Native = (...args) => {
  // What Redis does without arguments: it calls the place that it keeps for the result.
  if (args.length === 0) return [false, 'attempt to call a boolean value'];
  const outer = depths();
  handling.handler = undefined;
  try {
    const result = callNative(args[0], args.slice(1));
    handling.handler = outer.handler;
    return Array.isArray(result) ? [true, ...(result as LuaValue[])] : [true, result as LuaValue];
  } catch (thrown) {
    const { value } = caught(thrown, outer);
    if (!(value instanceof LuaTable)) return [false, value];
    const text = indexInLibrary(value, 'err');
    return isText(text) ? [false, text] : [false, value, text];
  }
};

const xpcall: Native = (...args) => {
  checkAny(args, 2);
  const outer = depths();
  handling.handler = args[1];
  try {
    const result = callNative(args[0], []);
    handling.handler = outer.handler;
    return Array.isArray(result) ? [true, ...(result as LuaValue[])] : [true, result as LuaValue];
  } catch (thrown) {
    const { nativeDepth } = meter;
    return [false, handleError(args[1], caught(thrown, outer), outer, nativeDepth)];
  }
};

/** Memory is the host's: only the answers are Lua's. */
const collectgarbage: Native = (...args) => {
  const option = COLLECT_OPTIONS[checkOption(args, 1, COLLECT_OPTIONS, 'collect')]!;
  optionalInt(args, 2, 0);
  switch (option) {
    case 'count':
      return usedKilobytes();
    case 'step':
      return false;
    case 'setpause':
    case 'setstepmul':
      return 200;
    default:
      return 0;
  }
};

function usedKilobytes(): number {
  return process.memoryUsage().heapUsed / 1024;
}

const type: Native = (...args) => typeName(checkAny(args, 1));

export const baseFunctions: Readonly<Record<string, Native>> = {
  assert,
  collectgarbage,
  error,
  gcinfo: () => Math.floor(usedKilobytes()),
  getmetatable,
  ipairs,
  next,
  pairs,
  pcall,
  rawequal,
  rawget,
  rawset,
  select,
  setmetatable,
  tonumber,
  tostring,
  type,
  unpack,
  xpcall,
};
