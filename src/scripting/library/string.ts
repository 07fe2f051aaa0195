/** The string library. Strings are bytes: upper and lower know ASCII letters only. */
import {
  type Arguments,
  check,
  checkFunction,
  checkInt,
  checkLong,
  checkString,
  optionalLong,
} from '../runtime/arguments.js';
import { callNative, one } from '../runtime/calls.js';
import { argumentError, libraryError, typeName } from '../runtime/failures.js';
import { indexInLibrary } from '../runtime/indexing.js';
import { stringMetatable } from '../runtime/metatables.js';
import { meter } from '../runtime/meter.js';
import { numberToText } from '../runtime/number-text.js';
import { isTruthy } from '../runtime/operations.js';
import { LuaTable } from '../runtime/table.js';
import { flattened, TextBuilder } from '../runtime/text-builder.js';
import { type LuaValue, NONE } from '../runtime/values.js';
import { defineFunctions, type Native, native } from './define.js';
import { format } from './format.js';
import { hasSpecials, Matcher } from './pattern.js';
import { plainFind } from './plain-find.js';

/** V8 keeps a slice as a reference to the whole string. */
const SLICE_BYTES = 48;
/** Values that a C function may have on its stack. */
const STACK_MAX = 8000;

/** A place from the end is negative. */
function absolute(position: number, length: number): number {
  if (position < 0) return Math.max(0, position + length + 1);
  return position;
}

const byte: Native = (...args) => {
  const text = checkString(args, 1);
  let from = absolute(optionalLong(args, 2, 1), text.length);
  let to = absolute(optionalLong(args, 3, from), text.length);
  if (from <= 0) from = 1;
  if (to > text.length) to = text.length;
  if (from > to) return NONE;
  const count = to - from + 1;
  if (count + args.length > STACK_MAX) throw libraryError('stack overflow (string slice too long)');
  const codes: number[] = [];
  for (let i = from; i <= to; i++) codes.push(text.charCodeAt(i - 1));
  return codes;
};

const char: Native = (...args) => {
  let text = '';
  for (let i = 1; i <= args.length; i++) {
    const code = checkInt(args, i);
    check(code >= 0 && code <= 255, i, 'invalid value');
    text += String.fromCharCode(code);
  }
  meter.allocateString(text.length);
  return flattened(text);
};

function slice(text: string, start: number, end: number): string {
  const from = Math.max(1, absolute(start, text.length));
  const to = Math.min(text.length, absolute(end, text.length));
  if (from > to) return '';
  meter.allocate(SLICE_BYTES);
  return text.slice(from - 1, to);
}

const sub: Native = (...args) => {
  const text = checkString(args, 1);
  return slice(text, checkLong(args, 2), optionalLong(args, 3, -1));
};

const rep: Native = (...args) => {
  const text = checkString(args, 1);
  const count = checkInt(args, 2);
  if (count <= 0 || text === '') return '';
  meter.allocateString(text.length * count);
  return flattened(text.repeat(count));
};

const reverse: Native = (...args) => {
  const text = checkString(args, 1);
  meter.allocateString(text.length);
  return Buffer.from(text, 'latin1').reverse().toString('latin1');
};

function mapAscii(args: Arguments, from: number, to: number, step: number): string {
  const text = checkString(args, 1);
  meter.allocateString(text.length);
  const bytes = Buffer.from(text, 'latin1');
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes[i]!;
    if (code >= from && code <= to) bytes[i] = code + step;
  }
  return bytes.toString('latin1');
}

function search(args: Arguments, isFind: boolean): LuaValue | LuaValue[] {
  const text = checkString(args, 1);
  const pattern = checkString(args, 2);
  let init = absolute(optionalLong(args, 3, 1), text.length) - 1;
  if (init < 0) init = 0;
  else if (init > text.length) init = text.length;
  if (isFind && (isTruthy(args[3]) || !hasSpecials(pattern))) {
    const found = plainFind(text, pattern, init);
    return found < 0 ? undefined : [found + 1, found + pattern.length];
  }
  const isAnchored = pattern.startsWith('^');
  const matcher = new Matcher(text, pattern);
  for (let from = init; from <= text.length; from++) {
    const end = matcher.matchAt(from, isAnchored ? 1 : 0);
    if (end >= 0) {
      if (!isFind) return matcher.captures(from, end);
      return [from + 1, end, ...matcher.captures(from, end, false)];
    }
    if (isAnchored) break;
  }
  return undefined;
}

const gmatch: Native = (...args) => {
  const text = checkString(args, 1);
  const pattern = checkString(args, 2);
  let from = 0;
  return native(() => {
    const matcher = new Matcher(text, pattern);
    for (; from <= text.length; from++) {
      const end = matcher.matchAt(from, 0);
      if (end < 0) continue;
      const start = from;
      from = end === start ? end + 1 : end;
      return matcher.captures(start, end);
    }
    return NONE;
  });
};

/** `%0` to `%9` in a replacement stand for captures. */
function expand(replacement: string, matcher: Matcher, from: number, to: number): string {
  const result = new TextBuilder();
  for (let i = 0; i < replacement.length; i++) {
    const c = replacement[i]!;
    if (c !== '%') {
      result.push(c);
      continue;
    }
    i++;
    const code = replacement.charCodeAt(i);
    if (!(code >= 48 && code <= 57)) result.push(replacement[i] ?? '\0');
    else if (code === 48) result.push(matcher.source.slice(from, to));
    else result.push(captureText(matcher.capture(code - 49, from, to)));
  }
  return result.finish();
}

function captureText(value: string | number): string {
  return typeof value === 'string' ? value : numberToText(value);
}

/** What a match is replaced with. */
function replacementFor(value: LuaValue, matcher: Matcher, from: number, to: number): string {
  let result: LuaValue;
  if (typeof value === 'function') result = one(callNative(value, matcher.captures(from, to)));
  else if (value instanceof LuaTable) result = indexInLibrary(value, matcher.capture(0, from, to));
  else {
    const text = typeof value === 'number' ? numberToText(value) : (value as string);
    return text.includes('%') ? expand(text, matcher, from, to) : text;
  }
  if (!isTruthy(result)) return matcher.source.slice(from, to);
  if (typeof result === 'string') return result;
  if (typeof result === 'number') return numberToText(result);
  throw libraryError(`invalid replacement value (a ${typeName(result)})`);
}

const gsub: Native = (...args) => {
  const text = checkString(args, 1);
  const pattern = checkString(args, 2);
  const value = args[2];
  const limit = args[3] === undefined ? text.length + 1 : checkInt(args, 4);
  const isFit =
    typeof value === 'number' ||
    typeof value === 'string' ||
    typeof value === 'function' ||
    value instanceof LuaTable;
  if (!isFit) throw argumentError(3, 'string/function/table expected');
  const isAnchored = pattern.startsWith('^');
  const matcher = new Matcher(text, pattern);
  const result = new TextBuilder();
  let at = 0;
  let count = 0;
  while (count < limit) {
    const end = matcher.matchAt(at, isAnchored ? 1 : 0);
    let part = '';
    if (end >= 0) {
      count++;
      part = replacementFor(value, matcher, at, end);
    }
    if (end > at) at = end;
    else if (at < text.length) part += text[at++];
    else {
      result.push(part);
      break;
    }
    result.push(part);
    if (isAnchored) break;
  }
  result.push(text.slice(at));
  return [result.finish(), count];
};

/** Redis keeps string.dump, but no code can be loaded from what it makes. */
const dump: Native = (...args) => {
  const f = checkFunction(args, 1);
  if (f.builtin === true) throw libraryError('unable to dump given function');
  return '\x1bLuaQ';
};

export function stringLibrary(): LuaTable {
  const table = defineFunctions(new LuaTable(0, 16), {
    byte,
    char,
    dump,
    find: (...args) => search(args, true),
    format: (...args) => format(args),
    gfind: gmatch,
    gmatch,
    gsub,
    len: (...args) => checkString(args, 1).length,
    lower: (...args) => mapAscii(args, 65, 90, 32),
    match: (...args) => search(args, false),
    rep,
    reverse,
    sub,
    upper: (...args) => mapAscii(args, 97, 122, -32),
  });
  stringMetatable.set('__index', table);
  stringMetatable.isReadonly = true;
  return table;
}
