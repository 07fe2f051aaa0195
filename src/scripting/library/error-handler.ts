/**
 * The handler that Redis puts around scripts: of each error it makes a table with the text in `err`, and
 * where it was in `source` and `line`. Scripts see it as __redis__err__handler. It is code in Lua, as
 * an error table may have metamethods, and may fail at what is written to it: then its lines are told.
 */
import { one } from '../runtime/calls.js';
import { asLuaError } from '../runtime/failures.js';
import { handling } from '../runtime/handlers.js';
import { indexInLibrary } from '../runtime/indexing.js';
import { NATIVE_SOURCE, originOfLevel } from '../runtime/positions.js';
import { LuaTable } from '../runtime/table.js';
import { isText, type LuaFunction, type LuaValue } from '../runtime/values.js';
import { baseFunctions, cText, plainText } from './base.js';
import { type Native, native } from './define.js';

const NAME = '@err_handler_def';
/** Its lines are those of Redis's. */
const SOURCE = `local where, tostring, type = ...



return function(err)


  local source, line = where()
  if type(err) ~= 'table' then err = {err = 'ERR ' .. tostring(err)} end if source then
    err.source = source
    err.line = line end return err
end`;

/** As debug.getinfo tells it: whoever called the handler, or its caller if that is a library function. */
const where: Native = () => {
  const told = handling.origin;
  handling.origin = undefined;
  let origin = told ?? originOfLevel(2);
  if (told === undefined && origin.source === NATIVE_SOURCE) origin = originOfLevel(3);
  return origin.line === 0 ? undefined : [origin.source, origin.line];
};

/** @param compile called when there is the first error */
export function errorHandler(compile: (source: string, name: string) => LuaFunction): LuaFunction {
  let compiled: LuaValue;
  const handler: LuaFunction = (...args) => {
    const { tostring, type } = baseFunctions;
    compiled ??= one(compile(SOURCE, NAME)(native(where), native(tostring!), native(type!)));
    return (compiled as LuaFunction)(...args);
  };
  handler.isToldOrigin = true;
  return handler;
}

/** The text of an error that nothing has handled, or of one that is a table. */
export function errorText(error: LuaValue): string {
  if (!(error instanceof LuaTable)) return `ERR ${cText(plainText(error))}`;
  const text = errorField(error, 'err');
  return isText(text) ? cText(plainText(text)) : 'ERR unknown error';
}

/** Whether it is an error of a command that was counted when that command failed. */
export function isErrorCounted(error: LuaTable): boolean {
  return errorField(error, 'ignore_error_stats_update') === true;
}

/** A field of an error that is a table, as Redis reads it: metatables count. */
export function errorField(error: LuaTable, name: string): LuaValue {
  if (error.metatable === undefined) return error.getString(name);
  try {
    return indexInLibrary(error, name);
  } catch (thrown) {
    // redis-server dies of it.
    asLuaError(thrown);
    return undefined;
  }
}
