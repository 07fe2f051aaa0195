/** The module cjson: encode, decode and the functions that change their settings. */
import {
  type Arguments,
  check,
  checkLong,
  checkOption,
  checkString,
  isNil,
} from '../runtime/arguments.js';
import { argumentError } from '../runtime/failures.js';
import { LuaTable } from '../runtime/table.js';
import type { LuaResult } from '../runtime/values.js';
import { defineFunctions, type Native } from './define.js';
import { JsonDecoder } from './json-decode.js';
import { JSON_NULL, JsonEncoder } from './json-encode.js';
import { defaultSettings, type JsonSettings } from './json-settings.js';

const INT_MAX = 2 ** 31 - 1;
const PRECISION_MAX = 14;

/** The settings of the table `cjson` itself. A script's changes end with the script. */
const shared = defaultSettings();

let isChanged = false;

export function resetJsonSettings(): void {
  if (!isChanged) return;
  Object.assign(shared, defaultSettings());
  isChanged = false;
}

/** Each function that changes a setting begins with it. */
function limitArguments(args: Arguments, count: number): void {
  isChanged = true;
  check(args.length <= count, count + 1, 'found too many arguments');
}

function integer(
  args: Arguments,
  place: number,
  current: number,
  min: number,
  max: number,
): number {
  if (isNil(args, place)) return current;
  const value = checkLong(args, place);
  if (value < min || value > max) {
    // The library names the first argument, whichever it is.
    throw argumentError(1, `expected integer between ${min} and ${max}`);
  }
  return value;
}

/** true, false or one of the names. */
function choice(args: Arguments, place: number, current: string, names: readonly string[]): string {
  const value = args[place - 1];
  if (value === undefined) return current;
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return names[checkOption(args, place, names)]!;
}

function choiceResult(value: string): LuaResult {
  return value === 'on' ? true : value === 'off' ? false : value;
}

const SWITCH = ['off', 'on'];

function settingFunctions(settings: JsonSettings): Readonly<Record<string, Native>> {
  return {
    encode_sparse_array: (...args) => {
      limitArguments(args, 3);
      settings.sparseConvert =
        choice(args, 1, settings.sparseConvert ? 'on' : 'off', SWITCH) === 'on';
      settings.sparseRatio = integer(args, 2, settings.sparseRatio, 0, INT_MAX);
      settings.sparseSafe = integer(args, 3, settings.sparseSafe, 0, INT_MAX);
      return [settings.sparseConvert, settings.sparseRatio, settings.sparseSafe];
    },
    encode_max_depth: (...args) => {
      limitArguments(args, 1);
      settings.encodeMaxDepth = integer(args, 1, settings.encodeMaxDepth, 1, INT_MAX);
      return settings.encodeMaxDepth;
    },
    decode_max_depth: (...args) => {
      limitArguments(args, 1);
      settings.decodeMaxDepth = integer(args, 1, settings.decodeMaxDepth, 1, INT_MAX);
      return settings.decodeMaxDepth;
    },
    encode_number_precision: (...args) => {
      limitArguments(args, 1);
      const current = settings.encodeNumberPrecision;
      settings.encodeNumberPrecision = integer(args, 1, current, 1, PRECISION_MAX);
      return settings.encodeNumberPrecision;
    },
    encode_keep_buffer: (...args) => {
      limitArguments(args, 1);
      const current = settings.encodeKeepBuffer ? 'on' : 'off';
      settings.encodeKeepBuffer = choice(args, 1, current, SWITCH) === 'on';
      return settings.encodeKeepBuffer;
    },
    encode_invalid_numbers: (...args) => {
      limitArguments(args, 1);
      const names = ['off', 'on', 'null'];
      const chosen = choice(args, 1, settings.encodeInvalidNumbers, names);
      settings.encodeInvalidNumbers = chosen as JsonSettings['encodeInvalidNumbers'];
      return choiceResult(chosen);
    },
    decode_invalid_numbers: (...args) => {
      limitArguments(args, 1);
      const current = settings.decodeInvalidNumbers ? 'on' : 'off';
      settings.decodeInvalidNumbers = choice(args, 1, current, SWITCH) === 'on';
      return settings.decodeInvalidNumbers;
    },
  };
}

function jsonModule(settings: JsonSettings): LuaTable {
  const table = defineFunctions(new LuaTable(0, 16), {
    ...settingFunctions(settings),
    encode: (...args) => {
      check(args.length === 1, 1, 'expected 1 argument');
      return new JsonEncoder(settings).encode(args[0]);
    },
    decode: (...args) => {
      check(args.length === 1, 1, 'expected 1 argument');
      return new JsonDecoder(checkString(args, 1), settings).decode();
    },
    new: () => jsonModule(defaultSettings()),
  });
  table.set('null', JSON_NULL);
  table.set('_NAME', 'cjson');
  table.set('_VERSION', '2.1.0');
  return table;
}

export function cjsonLibrary(): LuaTable {
  return jsonModule(shared);
}
