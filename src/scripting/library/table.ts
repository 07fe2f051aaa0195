/** The table library. All access is raw: metamethods are not asked, except for comparison. */
import {
  checkFunction,
  checkInt,
  checkTable,
  isNil,
  optionalInt,
  optionalString,
} from '../runtime/arguments.js';
import { callNative, inLibrary, one } from '../runtime/calls.js';
import { LuaError } from '../runtime/errors.js';
import { libraryError, typeName } from '../runtime/failures.js';
import { READONLY_TEXT } from '../runtime/indexing.js';
import { meter } from '../runtime/meter.js';
import { numberToText } from '../runtime/number-text.js';
import { isTruthy, lessThan } from '../runtime/operations.js';
import type { LuaTable } from '../runtime/table.js';
import { TextBuilder } from '../runtime/text-builder.js';
import { type LuaValue, NONE } from '../runtime/values.js';
import { library, type Native } from './define.js';

function checkWritable(table: LuaTable): void {
  if (table.isReadonly) throw new LuaError(READONLY_TEXT);
}

const concat: Native = (...args) => {
  const separator = optionalString(args, 2, '');
  const table = checkTable(args, 1);
  const from = optionalInt(args, 3, 1);
  const to = isNil(args, 4) ? table.length() : checkInt(args, 4);
  const result = new TextBuilder();
  for (let i = from; i <= to; i++) {
    const value = table.getNumber(i);
    if (typeof value !== 'string' && typeof value !== 'number') {
      const what = `invalid value (${typeName(value)}) at index ${i} in table for 'concat'`;
      throw libraryError(what);
    }
    result.push(typeof value === 'string' ? value : numberToText(value));
    if (i < to) result.push(separator);
    if ((i & 63) === 0) meter.work(64);
  }
  return result.finish();
};

const insert: Native = (...args) => {
  const table = checkTable(args, 1);
  const end = table.length() + 1;
  if (args.length === 2) {
    checkWritable(table);
    table.setNumber(end, args[1]);
    return NONE;
  }
  if (args.length !== 3) throw libraryError("wrong number of arguments to 'insert'");
  const position = checkInt(args, 2);
  checkWritable(table);
  const last = Math.max(position, end);
  for (let i = last; i > position; i--) {
    if ((i & 63) === 0) meter.work(16);
    table.setNumber(i, table.getNumber(i - 1));
  }
  table.setNumber(position, args[2]);
  return NONE;
};

const remove: Native = (...args) => {
  const table = checkTable(args, 1);
  const end = table.length();
  const position = optionalInt(args, 2, end);
  if (position < 1 || position > end) return NONE;
  checkWritable(table);
  const removed = table.getNumber(position);
  for (let i = position; i < end; i++) {
    if ((i & 63) === 0) meter.work(16);
    table.setNumber(i, table.getNumber(i + 1));
  }
  table.setNumber(end, undefined);
  return removed;
};

const maxn: Native = (...args) => {
  const table = checkTable(args, 1);
  let max = 0;
  for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
    const key = table.keyAt(at);
    if (typeof key === 'number' && key > max) max = key;
  }
  return max;
};

const foreach: Native = (...args) => {
  const table = checkTable(args, 1);
  const f = checkFunction(args, 2);
  for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
    const key = table.keyAt(at);
    const result = one(callNative(f, [key, table.valueAt(at)]));
    if (result !== undefined) return result;
    if (table.keyAt(at) !== key) at = table.positionOf(key);
    if (at < 0) throw new LuaError("invalid key to 'next'");
    meter.work(1);
  }
  return NONE;
};

const foreachi: Native = (...args) => {
  const table = checkTable(args, 1);
  const f = checkFunction(args, 2);
  const end = table.length();
  for (let i = 1; i <= end; i++) {
    const result = one(callNative(f, [i, table.getNumber(i)]));
    if (result !== undefined) return result;
    meter.work(1);
  }
  return NONE;
};

/** Lua's quicksort, step by step: which pairs are compared in which order can be observed. */
class Sorter {
  constructor(
    private readonly table: LuaTable,
    private readonly compare: LuaValue,
  ) {}

  private isLess(a: LuaValue, b: LuaValue): boolean {
    meter.work(1);
    if (this.compare === undefined) return sortLessThan(a, b);
    return isTruthy(one(callNative(this.compare, [a, b])));
  }

  private swap(i: number, a: LuaValue, j: number, b: LuaValue): void {
    this.table.setNumber(i, a);
    this.table.setNumber(j, b);
  }

  sort(from: number, to: number): void {
    const { table } = this;
    let low = from;
    let high = to;
    while (low < high) {
      this.order(low, high);
      if (high - low === 1) return;
      const middle = Math.floor((low + high) / 2);
      if (!this.order(low, middle)) this.order(middle, high);
      if (high - low === 2) return;
      const pivot = table.getNumber(middle);
      this.swap(middle, table.getNumber(high - 1), high - 1, pivot);
      const border = this.partition(low, high, pivot);
      // The smaller part by recursion, so that the depth stays small.
      if (border - low < high - border) {
        this.sort(low, border - 1);
        low = border + 1;
      } else {
        this.sort(border + 1, high);
        high = border - 1;
      }
    }
  }

  /** Swaps two places when they are in the wrong order. @returns whether they were */
  private order(i: number, j: number): boolean {
    const a = this.table.getNumber(i);
    const b = this.table.getNumber(j);
    const swaps = this.isLess(b, a);
    if (swaps) this.swap(i, b, j, a);
    return swaps;
  }

  private partition(low: number, high: number, pivot: LuaValue): number {
    const { table } = this;
    let i = low;
    let j = high - 1;
    for (;;) {
      let a = table.getNumber(++i);
      while (this.isLess(a, pivot)) {
        if (i > high) throw libraryError('invalid order function for sorting');
        a = table.getNumber(++i);
      }
      let b = table.getNumber(--j);
      while (this.isLess(pivot, b)) {
        if (j < low) throw libraryError('invalid order function for sorting');
        b = table.getNumber(--j);
      }
      if (j < i) break;
      this.swap(i, b, j, a);
    }
    this.swap(high - 1, table.getNumber(i), i, table.getNumber(high - 1));
    return i;
  }
}

/** A failing comparison in a library function has no position. */
function sortLessThan(a: LuaValue, b: LuaValue): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b;
  if (typeof a === 'string' && typeof b === 'string') return lessThan(a, b);
  return inLibrary(lessThanFunction, a, b) === true;
}

const lessThanFunction = (...args: LuaValue[]): LuaValue => lessThan(args[0], args[1]);

const sort: Native = (...args) => {
  const table = checkTable(args, 1);
  const end = table.length();
  if (!isNil(args, 2)) checkFunction(args, 2);
  if (table.isReadonly && end > 1) throw new LuaError(READONLY_TEXT);
  new Sorter(table, args[1]).sort(1, end);
  return NONE;
};

const setn: Native = (...args) => {
  checkTable(args, 1);
  throw libraryError("'setn' is obsolete");
};

export function tableLibrary(): LuaTable {
  return library({
    concat,
    foreach,
    foreachi,
    getn: (...args) => checkTable(args, 1).length(),
    insert,
    maxn,
    remove,
    setn,
    sort,
  });
}
