/** Arguments of library functions, checked as Lua's auxiliary library does, with its texts. */
import { argumentError, argumentTypeError, typeName } from './failures.js';
import { numberToText, parseNumber } from './number-text.js';
import { LuaTable } from './table.js';
import type { LuaFunction, LuaValue } from './values.js';

export type Arguments = readonly LuaValue[];

const LONG_MIN = -(2 ** 63);

/** Places are counted from 1, as in error messages. */
function wrongType(args: Arguments, place: number, expected: string): Error {
  const isMissing = place > args.length;
  throw argumentTypeError(place, expected, args[place - 1], isMissing);
}

export function checkAny(args: Arguments, place: number): LuaValue {
  if (place > args.length) throw argumentError(place, 'value expected');
  return args[place - 1];
}

export function checkTable(args: Arguments, place: number): LuaTable {
  const value = args[place - 1];
  if (value instanceof LuaTable) return value;
  throw wrongType(args, place, 'table');
}

export function checkFunction(args: Arguments, place: number): LuaFunction {
  const value = args[place - 1];
  if (typeof value === 'function') return value;
  throw wrongType(args, place, 'function');
}

export function checkNumber(args: Arguments, place: number): number {
  const value = args[place - 1];
  if (typeof value === 'number') return value;
  const parsed = typeof value === 'string' ? parseNumber(value) : undefined;
  if (parsed === undefined) throw wrongType(args, place, 'number');
  return parsed;
}

export function checkString(args: Arguments, place: number): string {
  const value = args[place - 1];
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return numberToText(value);
  throw wrongType(args, place, 'string');
}

/** A double cast to a 64-bit integer as x86 does it. */
export function toLong(x: number): number {
  return x >= LONG_MIN && x < 2 ** 63 ? Math.trunc(x) + 0 : LONG_MIN;
}

/** A double cast to a 64-bit and then to a 32-bit integer. */
export function toInt(x: number): number {
  return x >= LONG_MIN && x < 2 ** 63 ? x | 0 : 0;
}

export function checkLong(args: Arguments, place: number): number {
  return toLong(checkNumber(args, place));
}

export function checkInt(args: Arguments, place: number): number {
  return toInt(checkNumber(args, place));
}

export function isNil(args: Arguments, place: number): boolean {
  return args[place - 1] === undefined;
}

export function optionalInt(args: Arguments, place: number, otherwise: number): number {
  return isNil(args, place) ? otherwise : checkInt(args, place);
}

export function optionalLong(args: Arguments, place: number, otherwise: number): number {
  return isNil(args, place) ? otherwise : checkLong(args, place);
}

export function optionalString(args: Arguments, place: number, otherwise: string): string {
  return isNil(args, place) ? otherwise : checkString(args, place);
}

export function check(condition: boolean, place: number, message: string): void {
  if (!condition) throw argumentError(place, message);
}

/** One of the names, by its place in the list. */
export function checkOption(
  args: Arguments,
  place: number,
  names: readonly string[],
  otherwise?: string,
): number {
  const name =
    otherwise === undefined ? checkString(args, place) : optionalString(args, place, otherwise);
  const found = names.indexOf(name);
  if (found < 0) throw argumentError(place, `invalid option '${name}'`);
  return found;
}

export { typeName };
