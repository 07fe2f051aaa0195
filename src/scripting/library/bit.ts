/** Bit operations on 32 bits, as LuaBitOp: results are signed. */
import { type Arguments, checkNumber, isNil } from '../runtime/arguments.js';
import type { LuaTable } from '../runtime/table.js';
import { library, type Native } from './define.js';

/** Adding 2^52 + 2^51 leaves the integer part, rounded to even, in the low bits of a double. */
const ROUNDER = 6755399441055744;
const double = new Float64Array(1);
const words = new Int32Array(double.buffer);

function bits(args: Arguments, place: number): number {
  const x = checkNumber(args, place);
  if ((x | 0) === x) return x | 0;
  double[0] = x + ROUNDER;
  return words[0]!;
}

function fold(combine: (a: number, b: number) => number): Native {
  return (...args) => {
    let result = bits(args, 1);
    // From the last on: errors name the last argument that is wrong.
    for (let i = args.length; i > 1; i--) result = combine(result, bits(args, i));
    return result | 0;
  };
}

function shift(operate: (a: number, count: number) => number): Native {
  return (...args) => operate(bits(args, 1), bits(args, 2) & 31) | 0;
}

function rotateLeft(a: number, count: number): number {
  return (a << count) | (a >>> ((32 - count) & 31));
}

/** As many digits as asked for, from the right; a negative count means capital letters. */
const tohex: Native = (...args) => {
  const value = bits(args, 1);
  let count = isNil(args, 2) && args.length < 2 ? 8 : bits(args, 2);
  const isUpper = count < 0;
  if (isUpper) count = count === -(2 ** 31) ? 8 : -count;
  if (count > 8) count = 8;
  const text = (value >>> 0)
    .toString(16)
    .padStart(8, '0')
    .slice(8 - count);
  return isUpper ? text.toUpperCase() : text;
};

function swapBytes(a: number): number {
  return (a >>> 24) | ((a >>> 8) & 0xff00) | ((a & 0xff00) << 8) | (a << 24);
}

export function bitLibrary(): LuaTable {
  return library({
    arshift: shift((a, count) => a >> count),
    band: fold((a, b) => a & b),
    bnot: (...args) => ~bits(args, 1),
    bor: fold((a, b) => a | b),
    bswap: (...args) => swapBytes(bits(args, 1)) | 0,
    bxor: fold((a, b) => a ^ b),
    lshift: shift((a, count) => a << count),
    rol: shift(rotateLeft),
    ror: shift((a, count) => rotateLeft(a, (32 - count) & 31)),
    rshift: shift((a, count) => a >>> count),
    tobit: (...args) => bits(args, 1),
    tohex,
  });
}
