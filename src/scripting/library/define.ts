/** Tables of library functions. */
import { LuaTable } from '../runtime/table.js';
import type { LuaFunction, LuaResult, LuaValue } from '../runtime/values.js';

export type Native = (...args: LuaValue[]) => LuaResult;

/** Marks a function as one of a library. */
export function native(f: Native): LuaFunction {
  const builtin = f as LuaFunction;
  builtin.builtin = true;
  return builtin;
}

export function defineFunctions(
  table: LuaTable,
  functions: Readonly<Record<string, Native>>,
): LuaTable {
  for (const [name, f] of Object.entries(functions)) table.set(name, native(f));
  return table;
}

export function library(functions: Readonly<Record<string, Native>>): LuaTable {
  return defineFunctions(new LuaTable(0, Object.keys(functions).length), functions);
}
