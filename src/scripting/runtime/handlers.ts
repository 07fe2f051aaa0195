/**
 * Handlers of errors: xpcall's, and Redis's own around a whole script. Lua calls one where the error
 * happens; here it is called when the stack is gone, and told what it may ask of it.
 */
import { callNative, toArray } from './calls.js';
import { LuaError } from './errors.js';
import { asLuaError } from './failures.js';
import { ERROR_TICKS, meter, NATIVE_DEPTH_HARD_MAX, NATIVE_DEPTH_MAX } from './meter.js';
import { type Origin, originOf } from './positions.js';
import type { LuaValue } from './values.js';

const HANDLER_ERROR_TEXT = 'error in error handling';
const OVERFLOW_TEXT = 'C stack overflow';

export const handling: {
  /** Whose turn it is when an error happens now; undefined where errors are caught as they are. */
  handler: LuaValue;
  /** Where the error was that is being handled; taken by a handler that `isToldOrigin`. */
  origin: Origin | undefined;
} = { handler: undefined, origin: undefined };

/** What a protected call puts back. */
export interface Depths {
  readonly depth: number;
  readonly nativeDepth: number;
  readonly handler: LuaValue;
}

export function depths(): Depths {
  return { depth: meter.depth, nativeDepth: meter.nativeDepth, handler: handling.handler };
}

export function restore({ depth, nativeDepth, handler }: Depths): void {
  meter.depth = depth;
  meter.nativeDepth = nativeDepth;
  handling.handler = handler;
}

/** What a protected call has caught: it goes on where it was, and the time that errors take is counted. */
export function caught(thrown: unknown, outer: Depths): LuaError {
  const error = asLuaError(thrown);
  restore(outer);
  meter.work(ERROR_TICKS);
  return error;
}

/**
 * An error in the handler goes to the handler again, until Lua gives up. In Lua each is called on top of
 * where the error was, so errors deep down meet Lua's limit here.
 *
 * @param raisedAt the depth of library calls where the error was
 */
export function handleError(
  handler: LuaValue,
  error: LuaError,
  outer: Depths,
  raisedAt: number,
): LuaValue {
  if (typeof handler !== 'function') return HANDLER_ERROR_TEXT;
  let current = error;
  let depth = raisedAt;
  while (depth + 1 < NATIVE_DEPTH_HARD_MAX) {
    if (depth + 1 === NATIVE_DEPTH_MAX) {
      current = overflowAt(current);
      depth++;
    }
    meter.nativeDepth = depth;
    try {
      handling.origin = handler.isToldOrigin === true ? originOf(current) : undefined;
      const value = toArray(callNative(handler, [current.value]))[0];
      restore(outer);
      return value;
    } catch (thrown) {
      current = asLuaError(thrown);
      depth = Math.max(depth + 1, meter.nativeDepth);
      restore(outer);
    }
  }
  return HANDLER_ERROR_TEXT;
}

/** The handler of this error cannot be called: told with a position where Lua code, not a library, failed. */
function overflowAt(error: LuaError): LuaError {
  const { value, place } = error;
  const position = place === undefined ? '' : `${place.source.slice(1)}:${place.line}: `;
  const isInLua = typeof value === 'string' && value.startsWith(position);
  return new LuaError(`${isInLua ? position : ''}${OVERFLOW_TEXT}`, originOf(error));
}
