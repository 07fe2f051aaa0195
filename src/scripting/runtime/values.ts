/**
 * What a Lua value is in JavaScript.
 *
 *   nil       undefined            string    string, one character (0-255) per byte
 *   boolean   boolean              table     LuaTable
 *   number    number               function  function
 *   thread    Coroutine            userdata  Userdata (only cjson.null)
 *
 * A function returns one value bare and any other number of values as an array. A bare undefined
 * is one nil, NONE is no value. No Lua value is an array, so Array.isArray tells the two apart.
 */
import type { Coroutine } from './coroutine.js';
import type { LuaTable } from './table.js';

/** An opaque value. Lua can compare it and print it, nothing else. */
export class Userdata {
  constructor(readonly text: string) {}
}

export interface LuaFunction {
  (...args: LuaValue[]): LuaResult;
  /** The same function compiled as a generator: it can yield. Only in chunks that use coroutines. */
  generator?: (...args: LuaValue[]) => LuaGenerator;
  /** True for a function of the libraries, which Lua calls a C function. */
  builtin?: boolean;
  /** As a handler of errors it is told where the error was (handlers.ts). */
  isToldOrigin?: boolean;
  /** Of a chunk that may use any global: KEYS and ARGV are to be there. */
  hidesCode?: boolean;
}

export type LuaValue =
  | undefined
  | boolean
  | number
  | string
  | LuaTable
  | LuaFunction
  | Coroutine
  | Userdata;

/** Whether Lua takes it where it wants a text. */
export function isText(value: LuaValue): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

export type LuaResult = LuaValue | readonly LuaValue[];

/** What a coroutine's body is: it gives the values of a yield, and is given those of a resume. */
export type LuaGenerator = Generator<LuaResult, LuaResult, LuaResult>;

/** No value at all, unlike one nil. Never changed. */
export const NONE: readonly LuaValue[] = [];

/**
 * First element of an array that stands for a call still to be made: [TAIL, function, arguments].
 * Every 64th tail call returns one, so that tail recursion needs no more than 64 frames.
 */
export const TAIL = new Userdata('tail call');
