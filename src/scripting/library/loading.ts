/** load and loadstring: code made by a script. Bytecode is refused: it is no source. */
import {
  type Arguments,
  checkFunction,
  checkString,
  optionalString,
} from '../runtime/arguments.js';
import { callNative, one } from '../runtime/calls.js';
import { LuaSyntaxError } from '../runtime/errors.js';
import { asLuaError, libraryError } from '../runtime/failures.js';
import { depths, handleError, handling, restore } from '../runtime/handlers.js';
import { meter } from '../runtime/meter.js';
import { TextBuilder } from '../runtime/text-builder.js';
import type { LuaFunction, LuaResult } from '../runtime/values.js';
import type { Native } from './define.js';

export type Compile = (source: string, chunkName: string, level: number) => LuaFunction;

/** What it costs to compile, in steps of a loop and in memory. */
const COMPILE_TICKS = 5000;
const TICKS_PER_BYTE = 50;
const CODE_BYTES_PER_BYTE = 100;
const PART_TICKS = 32;

function compileOrMessage(compile: Compile, source: string, name: string): LuaResult {
  try {
    meter.work(COMPILE_TICKS + TICKS_PER_BYTE * source.length);
    meter.allocate(CODE_BYTES_PER_BYTE * source.length);
    return compile(source, name, meter.nativeDepth);
  } catch (thrown) {
    if (thrown instanceof LuaSyntaxError) return [undefined, thrown.message];
    return [undefined, asLuaError(thrown).value];
  }
}

function readAll(args: Arguments): string {
  const parts = new TextBuilder();
  for (;;) {
    const part = one(callNative(args[0], []));
    if (part === undefined || part === '') return parts.finish();
    if (typeof part !== 'string' && typeof part !== 'number') {
      throw libraryError('reader function must return a string');
    }
    const text = String(part);
    meter.work(PART_TICKS);
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
      const outer = depths();
      try {
        return compileOrMessage(compile, readAll(args), name);
      } catch (thrown) {
        const failure = asLuaError(thrown);
        const { nativeDepth } = meter;
        restore(outer);
        // It is caught here and yet handled.
        if (handling.handler === undefined) return [undefined, failure.value];
        return [undefined, handleError(handling.handler, failure, outer, nativeDepth)];
      }
    },
  };
}
