/** Metatables and what they answer. */
import { LuaTable } from './table.js';
import type { LuaValue } from './values.js';

/** All strings share one metatable; library/string.ts fills it. */
export const stringMetatable = new LuaTable(0, 1);

export function metatableOf(value: LuaValue): LuaTable | undefined {
  if (value instanceof LuaTable) return value.metatable;
  return typeof value === 'string' ? stringMetatable : undefined;
}

export function metamethod(value: LuaValue, event: string): LuaValue {
  return metatableOf(value)?.getString(event);
}
