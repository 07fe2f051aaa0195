/** load and loadstring: code made by a script. Bytecode is refused: it is no source. */
import { type Arguments, checkFunction, checkString, optionalString } from '../runtime/arguments.js';
import { callNative, one } from '../runtime/calls.js';
import { LuaSyntaxError } from '../runtime/errors.js';
import { asLuaError, libraryError } from '../runtime/failures.js';
import { meter } from '../runtime/meter.js';
import type { LuaFunction, LuaResult } from '../runtime/values.js';
import type { Native } from './define.js';

export type Compile = (source: string, chunkName: string, level: number) => LuaFunction;

function compileOrMessage(compile: Compile, source: string, name: string): LuaResult {
  try {
    meter.work(source.length);
    return compile(source, name, meter.nativeDepth + 1);
  } catch (thrown) {
    if (thrown instanceof LuaSyntaxError) return [undefined, thrown.message];
    return [undefined, asLuaError(thrown).value];
  }
}

function readAll(args: Arguments): string {
  const parts: string[] = [];
  for (;;) {
    const part = one(callNative(args[0], []));
    if (part === undefined || part === '') return parts.join('');
    if (typeof part !== 'string' && typeof part !== 'number') {
      throw libraryError('reader function must return a string');
    }
    const text = String(part);
    meter.allocateString(text.length);
    parts.push(text);
  }
}

export function loadingFunctions(compile: Compile): Readonly<Record<string, Native>> {
  return {
    loadstring: (...args) => {
      const source = checkString(args, 1);
      return compileOrMessage(compile, source, optionalString(args, 2, source));
    },
    load: (...args) => {
      checkFunction(args, 1);
      const name = optionalString(args, 2, '=(load)');
      const { depth, nativeDepth } = meter;
      try {
        return compileOrMessage(compile, readAll(args), name);
      } catch (thrown) {
        const failure = asLuaError(thrown);
        meter.depth = depth;
        meter.nativeDepth = nativeDepth;
        return [undefined, failure.value];
      }
    },
  };
}
