/** Reading and writing fields, with metamethods, and what constructors and loops do with tables. */
import { callMeta, callNewIndex, inLibrary } from './calls.js';
import { LuaError } from './errors.js';
import { runtimeError, typeError } from './failures.js';
import { metamethod, stringMetatable } from './metatables.js';
import { LuaTable } from './table.js';
import type { LuaFunction, LuaValue } from './values.js';

/** Lua follows so many `__index` or `__newindex` before it takes them for a circle. */
const LOOP_MAX = 100;
export const READONLY_TEXT = 'Attempt to modify a readonly table';

export function indexString(object: LuaValue, key: string): LuaValue {
  if (object instanceof LuaTable) {
    const value = object.getString(key);
    if (value !== undefined || object.metatable === undefined) return value;
  } else if (typeof object === 'string') {
    const methods = stringMetatable.getString('__index');
    if (methods instanceof LuaTable && methods.metatable === undefined)
      return methods.getString(key);
  }
  return indexMeta(object, key);
}

export function index(object: LuaValue, key: LuaValue): LuaValue {
  if (object instanceof LuaTable) {
    const value = typeof key === 'number' ? object.getNumber(key) : object.get(key);
    if (value !== undefined || object.metatable === undefined) return value;
  }
  return indexMeta(object, key);
}

/** For library functions: errors have no position. */
export function indexInLibrary(object: LuaValue, key: LuaValue): LuaValue {
  return inLibrary(indexFunction, object, key);
}

const indexFunction = (...args: LuaValue[]): LuaValue => index(args[0], args[1]);

function indexMeta(start: LuaValue, key: LuaValue): LuaValue {
  let object = start;
  for (let i = 0; i < LOOP_MAX; i++) {
    if (object instanceof LuaTable) {
      const value = object.get(key);
      if (value !== undefined) return value;
    }
    const handler = metamethod(object, '__index');
    if (handler === undefined) {
      if (object instanceof LuaTable) return undefined;
      throw typeError('index', object, i === 0 ? 'first' : 'none');
    }
    if (typeof handler === 'function') return callMeta(handler, object, key);
    object = handler;
  }
  throw runtimeError('loop in gettable');
}

export function setString(object: LuaValue, key: string, value: LuaValue): void {
  if (object instanceof LuaTable && object.metatable === undefined && !object.isReadonly) {
    object.setNode(key, value);
    return;
  }
  setMeta(object, key, value);
}

export function setIndex(object: LuaValue, key: LuaValue, value: LuaValue): void {
  if (object instanceof LuaTable && object.metatable === undefined && !object.isReadonly) {
    if (typeof key === 'number' && !Number.isNaN(key)) object.setNumber(key, value);
    else storeRaw(object, key, value);
    return;
  }
  setMeta(object, key, value);
}

/** Without metamethods. @throws LuaError for a key that is nil or no number */
export function storeRaw(table: LuaTable, key: LuaValue, value: LuaValue): void {
  checkKey(key);
  table.set(key, value);
}

function checkKey(key: LuaValue): void {
  if (key === undefined) throw runtimeError('table index is nil');
  if (Number.isNaN(key)) throw runtimeError('table index is NaN');
}

function setMeta(start: LuaValue, key: LuaValue, value: LuaValue): void {
  let object = start;
  for (let i = 0; i < LOOP_MAX; i++) {
    let handler: LuaValue;
    if (object instanceof LuaTable) {
      if (object.isReadonly) throw runtimeError(READONLY_TEXT);
      checkKey(key);
      handler = object.get(key) === undefined ? metamethod(object, '__newindex') : undefined;
      if (handler === undefined) {
        object.set(key, value);
        return;
      }
      // Lua has made the node by now, which the order of `pairs` shows.
      if (object.get(key) === undefined) object.set(key, undefined);
    } else {
      handler = metamethod(object, '__newindex');
      if (handler === undefined) throw typeError('index', object, i === 0 ? 'first' : 'none');
    }
    if (typeof handler === 'function') {
      callNewIndex(handler, object, key, value);
      return;
    }
    object = handler;
  }
  throw runtimeError('loop in settable');
}

/** A field of a constructor. */
export function field(table: LuaTable, key: LuaValue, value: LuaValue): void {
  storeRaw(table, key, value);
}

/** The items of a constructor, from place `base` + 1 on. */
export function list(table: LuaTable, items: readonly LuaValue[], base: number): LuaTable {
  const end = base + items.length;
  if (end > table.arraySize) table.reserveArray(end);
  const { array } = table;
  for (let i = 0; i < items.length; i++) array[base + 1 + i] = items[i];
  return table;
}

/** The functions that a generic for knows: the base library sets them. */
export const iterators: { next: LuaFunction | undefined; nextItem: LuaFunction | undefined } = {
  next: undefined,
  nextItem: undefined,
};

/** 1: all pairs of a table, 2: its list, 0: calls of an iterator. */
export function loopMode(f: LuaValue, state: LuaValue, control: LuaValue): number {
  if (!(state instanceof LuaTable) || f === undefined) return 0;
  if (f === iterators.next && control === undefined) return 1;
  return f === iterators.nextItem && control === 0 ? 2 : 0;
}

/** The position after that of the last key, in case that keys moved since. */
export function nextPosition(table: LuaTable, key: LuaValue, position: number): number {
  if (position === 0) return table.nextPosition(0);
  const isThere = table.keyAt(position) === key;
  const from = isThere ? position : table.positionOf(key);
  // As the function `next` fails: without a position.
  if (from < 0) throw new LuaError("invalid key to 'next'");
  return table.nextPosition(from);
}
