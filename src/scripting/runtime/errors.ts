/** The kinds of errors that pass through Lua code, and which of them Lua can catch. */
import type { Origin } from './positions.js';
import type { LuaValue } from './values.js';

/** An error of Lua: any value. `pcall` catches it. */
export class LuaError {
  /** JavaScript's stack, written out only when it is read; without it the line is known. */
  declare readonly stack?: string;

  constructor(
    readonly value: LuaValue,
    /** What was running; undefined when it is still to be read from the stack. */
    readonly place?: Origin,
  ) {
    if (place === undefined) Error.captureStackTrace(this, LuaError);
  }
}

/** A chunk that does not compile. The message has Lua's form, `chunk:line: text near 'token'`. */
export class LuaSyntaxError {
  constructor(readonly message: string) {}
}

/**
 * The host ends the script: killed, out of time, to be started over. No pcall, xpcall or coroutine
 * stops it. Hosts throw it, or a class of their own that extends it.
 */
export class ScriptAbort {
  constructor(readonly reason: string) {}
}

/** Lua's memory error. It has no position, as Lua cannot format one without memory. */
export const MEMORY_ERROR_TEXT = 'not enough memory';
