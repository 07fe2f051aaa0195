/** MessagePack, as lua-cmsgpack in Redis: a table 1..n is an array, every other one a map. */
import { type Arguments, checkInt, checkString, optionalInt } from '../runtime/arguments.js';
import { argumentError, libraryError } from '../runtime/failures.js';
import { indexInLibrary } from '../runtime/indexing.js';
import { meter } from '../runtime/meter.js';
import { LuaTable } from '../runtime/table.js';
import { TextBuilder } from '../runtime/text-builder.js';
import type { LuaValue } from '../runtime/values.js';
import { defineFunctions } from './define.js';

/** Deeper tables are packed as nil. */
const NESTING_MAX = 16;
const STACK_MAX = 8000;
const scratch = Buffer.alloc(9);

class Packer {
  private readonly text = new TextBuilder();

  finish(): string {
    return this.text.finish();
  }

  private push(part: string): void {
    this.text.push(part);
  }

  private pushHead(type: number, length: number): void {
    scratch[0] = type;
    this.push(scratch.toString('latin1', 0, length));
  }

  value(value: LuaValue, level: number): void {
    if (--meter.ticks < 0) meter.tick();
    if (typeof value === 'string') this.string(value);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'boolean') this.push(value ? '\xc3' : '\xc2');
    else if (value instanceof LuaTable && level < NESTING_MAX) this.table(value, level);
    else this.push('\xc0');
  }

  private string(text: string): void {
    const { length } = text;
    if (length < 32) this.pushHead(0xa0 | length, 1);
    else if (length <= 0xff) {
      scratch[1] = length;
      this.pushHead(0xd9, 2);
    } else this.length(length, 0xda, 0xdb);
    this.push(text);
  }

  private length(length: number, type16: number, type32: number): void {
    if (length <= 0xffff) {
      scratch.writeUInt16BE(length, 1);
      this.pushHead(type16, 3);
    } else {
      scratch.writeUInt32BE(length, 1);
      this.pushHead(type32, 5);
    }
  }

  private number(x: number): void {
    if (Number.isInteger(x) && x >= -(2 ** 63) && x < 2 ** 63) {
      if (x >= 0) this.positive(x);
      else this.negative(x);
    } else if (Math.fround(x) === x) {
      scratch.writeFloatBE(x, 1);
      this.pushHead(0xca, 5);
    } else {
      scratch.writeDoubleBE(x, 1);
      // The sign of a NaN is as on x86.
      if (Number.isNaN(x)) scratch[1] = 0xff;
      this.pushHead(0xcb, 9);
    }
  }

  private positive(x: number): void {
    if (x <= 0x7f) this.pushHead(x, 1);
    else if (x <= 0xff) {
      scratch[1] = x;
      this.pushHead(0xcc, 2);
    } else if (x <= 0xffffffff) this.length(x, 0xcd, 0xce);
    else {
      scratch.writeBigUInt64BE(BigInt(x), 1);
      this.pushHead(0xcf, 9);
    }
  }

  private negative(x: number): void {
    if (x >= -32) this.pushHead(x & 0xff, 1);
    else if (x >= -128) {
      scratch.writeInt8(x, 1);
      this.pushHead(0xd0, 2);
    } else if (x >= -32768) {
      scratch.writeInt16BE(x, 1);
      this.pushHead(0xd1, 3);
    } else if (x >= -(2 ** 31)) {
      scratch.writeInt32BE(x, 1);
      this.pushHead(0xd2, 5);
    } else {
      scratch.writeBigInt64BE(BigInt(x), 1);
      this.pushHead(0xd3, 9);
    }
  }

  private table(table: LuaTable, level: number): void {
    if (isArray(table)) {
      const length = table.length();
      if (length <= 15) this.pushHead(0x90 | length, 1);
      else this.length(length, 0xdc, 0xdd);
      for (let i = 1; i <= length; i++) this.value(indexInLibrary(table, i), level + 1);
      return;
    }
    let count = 0;
    for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) count++;
    if (count <= 15) this.pushHead(0x80 | count, 1);
    else this.length(count, 0xde, 0xdf);
    for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
      this.value(table.keyAt(at), level + 1);
      this.value(table.valueAt(at), level + 1);
    }
  }
}

function isArray(table: LuaTable): boolean {
  let max = 0;
  let count = 0;
  for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
    const key = table.keyAt(at);
    if (typeof key !== 'number' || key <= 0 || !Number.isInteger(key) || key > 2 ** 31)
      return false;
    if (key > max) max = key;
    count++;
  }
  return max === count;
}

function pack(args: Arguments): string {
  if (args.length === 0) throw argumentError(0, 'MessagePack pack needs input.');
  const packer = new Packer();
  for (const arg of args) packer.value(arg, 0);
  return packer.finish();
}

/** Reads the characters of the string itself: what is packed is mostly short. */
class Unpacker {
  private stack = 0;
  constructor(
    private readonly data: string,
    public at: number,
  ) {}

  get left(): number {
    return this.data.length - this.at;
  }

  /** Moves over so many bytes. @returns where they begin */
  private take(bytes: number): number {
    const start = this.at;
    if (this.data.length - start < bytes) throw libraryError('Missing bytes in input.');
    this.at = start + bytes;
    return start;
  }

  /** An unsigned number of 1, 2 or 4 bytes. */
  private unsigned(bytes: number): number {
    const { data } = this;
    const end = this.take(bytes) + bytes;
    let value = 0;
    for (let i = end - bytes; i < end; i++) value = value * 256 + data.charCodeAt(i);
    return value;
  }

  /** So many bytes where numbers of other kinds can be read. */
  private toScratch(bytes: number): Buffer {
    const start = this.take(bytes);
    for (let i = 0; i < bytes; i++) scratch[i] = this.data.charCodeAt(start + i);
    return scratch;
  }

  value(): LuaValue {
    if (--meter.ticks < 0) meter.tick();
    const type = this.data.charCodeAt(this.take(1));
    if (type <= 0x7f) return type;
    if (type >= 0xe0) return type - 256;
    if (type >= 0xa0 && type <= 0xbf) return this.string(type & 31);
    if (type >= 0x90 && type <= 0x9f) return this.array(type & 15);
    if (type >= 0x80 && type <= 0x8f) return this.map(type & 15);
    return this.typed(type);
  }

  private typed(type: number): LuaValue {
    switch (type) {
      case 0xc0:
        return undefined;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.toScratch(4).readFloatBE(0);
      case 0xcb:
        return this.toScratch(8).readDoubleBE(0);
      case 0xcc:
        return this.unsigned(1);
      case 0xcd:
        return this.unsigned(2);
      case 0xce:
        return this.unsigned(4);
      // The library takes unsigned numbers of 64 bits for signed ones.
      case 0xcf:
      case 0xd3:
        return Number(this.toScratch(8).readBigInt64BE(0));
      case 0xd0:
        return (this.unsigned(1) << 24) >> 24;
      case 0xd1:
        return (this.unsigned(2) << 16) >> 16;
      case 0xd2:
        return this.unsigned(4) | 0;
      default:
        return this.sized(type);
    }
  }

  private sized(type: number): LuaValue {
    switch (type) {
      case 0xd9:
        return this.string(this.unsigned(1));
      case 0xda:
        return this.string(this.unsigned(2));
      case 0xdb:
        return this.string(this.unsigned(4));
      case 0xdc:
        return this.array(this.unsigned(2));
      case 0xdd:
        return this.array(this.unsigned(4));
      case 0xde:
        return this.map(this.unsigned(2));
      case 0xdf:
        return this.map(this.unsigned(4));
      default:
        throw libraryError('Bad data format in input.');
    }
  }

  private string(bytes: number): string {
    const start = this.take(bytes);
    meter.allocateString(bytes);
    return this.data.slice(start, start + bytes);
  }

  /** Each level takes places of Lua's stack, which has an end. */
  private enter(places: number): void {
    this.stack += places;
    if (this.stack > STACK_MAX) {
      throw libraryError('stack overflow (in function mp_decode_to_lua_type)');
    }
  }

  private array(length: number): LuaTable {
    const table = new LuaTable();
    this.enter(2);
    for (let i = 1; i <= length; i++) table.set(i, this.value());
    this.stack -= 2;
    return table;
  }

  private map(length: number): LuaTable {
    const table = new LuaTable();
    this.enter(2);
    for (let i = 0; i < length; i++) {
      const key = this.value();
      const value = this.value();
      if (key === undefined) throw libraryError('table index is nil');
      if (Number.isNaN(key)) throw libraryError('table index is NaN');
      table.set(key, value);
    }
    this.stack -= 2;
    return table;
  }
}

/** Without limit and offset all values, else the next offset (-1 at the end) before them. */
function unpack(text: string, limit: number, offset: number): LuaValue[] {
  if (limit < 0 || offset < 0) {
    const what = `offset of ${offset} and limit of ${text.length}`;
    throw libraryError(`Invalid request to unpack with ${what}.`);
  }
  if (offset > text.length) {
    const what = `Start offset ${offset} greater than input length ${text.length}.`;
    throw libraryError(what);
  }
  const all = limit === 0 && offset === 0;
  const unpacker = new Unpacker(text, offset);
  const values: LuaValue[] = [];
  const most = all ? Number.POSITIVE_INFINITY : limit;
  while (unpacker.left > 0 && values.length < most) {
    values.push(unpacker.value());
    if (values.length > STACK_MAX - 10) {
      throw libraryError('stack overflow (in function mp_decode_to_lua_type)');
    }
  }
  if (all) return values;
  return [unpacker.left === 0 ? -1 : unpacker.at, ...values];
}

export function cmsgpackLibrary(): LuaTable {
  const table = defineFunctions(new LuaTable(0, 8), {
    pack: (...args) => pack(args),
    unpack: (...args) => unpack(checkString(args, 1), 0, 0),
    unpack_one: (...args) => {
      const offset = optionalInt(args, 2, 0);
      return unpack(checkString(args, 1), 1, offset);
    },
    unpack_limit: (...args) => {
      const limit = checkInt(args, 2);
      const offset = optionalInt(args, 3, 0);
      return unpack(checkString(args, 1), limit, offset);
    },
  });
  table.set('_NAME', 'cmsgpack');
  table.set('_VERSION', 'lua-cmsgpack 0.4.0');
  table.set('_COPYRIGHT', 'Copyright (C) 2012, Salvatore Sanfilippo');
  table.set('_DESCRIPTION', 'MessagePack C implementation for Lua');
  return table;
}
