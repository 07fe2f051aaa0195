/**
 * `struct`: values to and from C structures.
 *
 *   > < ! n    big endian, little endian, largest alignment (a power of 2)
 *   b B h H l L T i n I n    integers of 1, 2, 8, 8 or n bytes (4); capitals and T are unsigned
 *   f d        float, double
 *   c n s x    n bytes (1), a string and a NUL, a byte of padding
 */
import {
  type Arguments,
  check,
  checkNumber,
  checkString,
  optionalLong,
} from '../runtime/arguments.js';
import { argumentError, argumentTypeError, libraryError } from '../runtime/failures.js';
import { meter } from '../runtime/meter.js';
import { parseNumber } from '../runtime/number-text.js';
import { LuaTable } from '../runtime/table.js';
import { TextBuilder } from '../runtime/text-builder.js';
import type { LuaValue } from '../runtime/values.js';
import { defineFunctions } from './define.js';

const INTEGER_MAX_BYTES = 32;
const DEFAULT_ALIGNMENT = 8;
const INT_MAX = 2 ** 31 - 1;
const RESULTS_MAX = 8000;

interface Option {
  readonly letter: string;
  readonly size: number;
  /** Bytes of padding before it. */
  readonly padding: number;
}

/** Walks over a format. */
class FormatReader {
  isBigEndian = false;
  private alignment = 1;
  private at = 0;
  private readonly format: string;

  constructor(format: string) {
    const nul = format.indexOf('\0');
    this.format = nul < 0 ? format : format.slice(0, nul);
  }

  get done(): boolean {
    return this.at >= this.format.length;
  }

  /** @param offset bytes so far: what alignment counts from */
  next(offset: number): Option {
    if (--meter.ticks < 0) meter.tick();
    const letter = this.format[this.at++]!;
    const size = this.sizeOf(letter);
    const option = { letter, size, padding: this.paddingFor(letter, size, offset) };
    if (letter === '>') this.isBigEndian = true;
    else if (letter === '<') this.isBigEndian = false;
    else if (letter === '!') this.setAlignment();
    return option;
  }

  private number(otherwise: number): number {
    const start = this.at;
    let value = 0;
    while (this.at < this.format.length && /\d/.test(this.format[this.at]!)) {
      const digit = Number(this.format[this.at++]);
      if (value > INT_MAX / 10 || value * 10 > INT_MAX - digit) {
        throw libraryError('integral size overflow');
      }
      value = value * 10 + digit;
    }
    return this.at === start ? otherwise : value;
  }

  private sizeOf(letter: string): number {
    switch (letter) {
      case 'B':
      case 'b':
      case 'x':
        return 1;
      case 'H':
      case 'h':
        return 2;
      case 'L':
      case 'l':
      case 'T':
      case 'd':
        return 8;
      case 'f':
        return 4;
      case 'c':
        return this.number(1);
      case 'i':
      case 'I': {
        const size = this.number(4);
        if (size > INTEGER_MAX_BYTES) {
          const what = `integral size ${size} is larger than limit of ${INTEGER_MAX_BYTES}`;
          throw libraryError(what);
        }
        return size;
      }
      default:
        return 0;
    }
  }

  private setAlignment(): void {
    const alignment = this.number(DEFAULT_ALIGNMENT);
    if (alignment === 0 || (alignment & (alignment - 1)) !== 0) {
      throw libraryError(`alignment ${alignment} is not a power of 2`);
    }
    this.alignment = alignment;
  }

  private paddingFor(letter: string, size: number, offset: number): number {
    if (size === 0 || letter === 'c') return 0;
    const unit = Math.min(size, this.alignment);
    return unit > 1 ? (unit - (offset & (unit - 1))) & (unit - 1) : 0;
  }
}

/** Letters that only change how the rest is read. */
function isControl(letter: string): boolean {
  return letter === ' ' || letter === '<' || letter === '>' || letter === '!';
}

function badOption(letter: string): Error {
  throw argumentError(1, `invalid format option '${letter}'`);
}

function isInteger(letter: string): boolean {
  return letter !== '' && 'bBhHlLTiI'.includes(letter);
}

function castToInteger(x: number): bigint {
  if (x >= 2 ** 63) return x < 2 ** 64 ? BigInt(Math.trunc(x)) : 0n;
  return x >= -(2 ** 63) ? BigInt.asUintN(64, BigInt(Math.trunc(x))) : 1n << 63n;
}

function packInteger(x: number, size: number, isBigEndian: boolean): string {
  let value = castToInteger(x);
  const bytes: number[] = [];
  for (let i = 0; i < size; i++) {
    bytes.push(Number(value & 255n));
    value >>= 8n;
  }
  if (isBigEndian) bytes.reverse();
  return String.fromCharCode(...bytes);
}

function packDouble(x: number, size: number, isBigEndian: boolean): string {
  const buffer = Buffer.alloc(size);
  if (size === 4) buffer.writeFloatLE(x);
  else buffer.writeDoubleLE(x);
  return (isBigEndian ? buffer.reverse() : buffer).toString('latin1');
}

/** A missing value is a nil here: the library puts a mark after the arguments. */
function numberAt(args: Arguments, place: number): number {
  if (place > args.length)
    throw argumentTypeError(place, 'number', undefined, place > args.length + 1);
  return checkNumber(args, place);
}

function stringAt(args: Arguments, place: number): string {
  if (place > args.length)
    throw argumentTypeError(place, 'string', undefined, place > args.length + 1);
  return checkString(args, place);
}

function pack(args: Arguments): string {
  const reader = new FormatReader(checkString(args, 1));
  const parts = new TextBuilder();
  let offset = 0;
  let place = 2;
  while (!reader.done) {
    const { letter, size, padding } = reader.next(offset);
    if (padding > 0) parts.push('\0'.repeat(padding));
    offset += padding;
    let part = '';
    if (isInteger(letter)) part = packInteger(numberAt(args, place++), size, reader.isBigEndian);
    else if (letter === 'x') part = '\0';
    else if (letter === 'f' || letter === 'd') {
      part = packDouble(numberAt(args, place++), size, reader.isBigEndian);
    } else if (letter === 'c' || letter === 's') {
      part = packString(stringAt(args, place++), letter, size, place);
    } else if (!isControl(letter)) throw badOption(letter);
    parts.push(part);
    offset += part.length;
  }
  return parts.finish();
}

function packString(text: string, letter: string, size: number, place: number): string {
  const wanted = size === 0 ? text.length : size;
  check(text.length >= wanted, place, 'string too short');
  return letter === 's' ? `${text.slice(0, wanted)}\0` : text.slice(0, wanted);
}

function unpackInteger(bytes: string, isSigned: boolean, isBigEndian: boolean): number {
  let value = 0n;
  for (let i = 0; i < bytes.length; i++) {
    const at = isBigEndian ? i : bytes.length - 1 - i;
    value = BigInt.asUintN(64, (value << 8n) | BigInt(bytes.charCodeAt(at)));
  }
  if (!isSigned) return Number(value);
  // In C the shift counts modulo 64, which shows with more than 8 bytes.
  const mask = BigInt.asUintN(64, -1n << BigInt((bytes.length * 8 - 1) & 63));
  if ((value & mask) !== 0n) value |= mask;
  return Number(BigInt.asIntN(64, value));
}

function unpackDouble(bytes: string, isBigEndian: boolean): number {
  const buffer = Buffer.from(bytes, 'latin1');
  if (isBigEndian) buffer.reverse();
  return buffer.length === 4 ? buffer.readFloatLE() : buffer.readDoubleLE();
}

function unpack(args: Arguments): LuaValue[] {
  const reader = new FormatReader(checkString(args, 1));
  const data = checkString(args, 2);
  const from = optionalLong(args, 3, 1);
  check(from > 0, 3, 'offset must be 1 or greater');
  let position = from - 1;
  const values: LuaValue[] = [];
  while (!reader.done) {
    const { letter, size, padding } = reader.next(position);
    position += padding;
    check(size <= data.length && position <= data.length - size, 2, 'data string too short');
    const bytes = data.slice(position, position + size);
    let used = size;
    if (isInteger(letter)) {
      const isSigned = letter >= 'a';
      values.push(unpackInteger(bytes, isSigned, reader.isBigEndian));
    } else if (letter === 'f' || letter === 'd')
      values.push(unpackDouble(bytes, reader.isBigEndian));
    else if (letter === 'c' || letter === 's') {
      const text = unpackString(letter, size, position, data, values);
      used = letter === 's' ? text.length + 1 : text.length;
      values.push(text);
    } else if (letter !== 'x' && !isControl(letter)) throw badOption(letter);
    if (values.length > RESULTS_MAX) throw libraryError('stack overflow (too many results)');
    position += used;
  }
  return [...values, position + 1];
}

function unpackString(
  letter: string,
  size: number,
  position: number,
  data: string,
  values: LuaValue[],
): string {
  if (letter === 's') {
    const end = data.indexOf('\0', position);
    if (end < 0) throw libraryError('unfinished string in data');
    return data.slice(position, end);
  }
  if (size > 0) return data.slice(position, position + size);
  const last = values.pop();
  const length = typeof last === 'string' ? parseNumber(last) : last;
  if (typeof length !== 'number') throw libraryError("format 'c0' needs a previous size");
  const bytes = Math.trunc(length);
  check(bytes >= 0 && position + bytes <= data.length, 2, 'data string too short');
  return data.slice(position, position + bytes);
}

function size(args: Arguments): number {
  const reader = new FormatReader(checkString(args, 1));
  let total = 0;
  while (!reader.done) {
    const option = reader.next(total);
    const { letter } = option;
    total += option.padding;
    if (letter === 's') throw argumentError(1, "option 's' has no fixed size");
    if (letter === 'c' && option.size === 0) {
      throw argumentError(1, "option 'c0' has no fixed size");
    }
    total += option.size;
  }
  return total;
}

export function structLibrary(): LuaTable {
  return defineFunctions(new LuaTable(0, 4), {
    pack: (...args) => pack(args),
    size: (...args) => size(args),
    unpack: (...args) => unpack(args),
  });
}
