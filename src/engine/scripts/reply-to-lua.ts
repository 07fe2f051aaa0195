/**
 * A command's reply as a Lua value, as Redis converts it. Nothing is lost: types that Lua has not are
 * tables with one field that tells the type.
 *
 *   RESP                 Lua                      RESP3 (redis.setresp(3))   Lua
 *   integer              number                   null                       nil
 *   bulk string          string                   boolean                    boolean
 *   status               { ok = text }            double                     { double = number }
 *   error                { err = text, ...}       big number                 { big_number = text }
 *   null                 false                    map                        { map = table }
 *   array                table                    set                        { set = table }
 *                                                 verbatim string            { verbatim_string = {...} }
 */
import type { Region } from '../../base/region.js';
import { LuaTable } from '../../scripting/runtime/table.js';
import type { LuaValue } from '../../scripting/runtime/values.js';
import { textAt } from './region-text.js';

const ARRAY = 0x2a;
const ATTRIBUTE = 0x7c;
const BIG_NUMBER = 0x28;
const BOOLEAN = 0x23;
const BULK = 0x24;
const DOUBLE = 0x2c;
const ERROR = 0x2d;
const INTEGER = 0x3a;
const MAP = 0x25;
const NULL = 0x5f;
const PUSH = 0x3e;
const SET = 0x7e;
const STATUS = 0x2b;
const VERBATIM = 0x3d;
const CR = 13;
const MINUS = 0x2d;
const TRUE = 0x74;
const FORMAT_BYTES = 3;

export class ReplyToLua {
  private at = 0;

  /** @param region of the reply that was read last */
  constructor(private region: Region) {}

  /** The reply that begins at `offset`. */
  read(region: Region, offset: number): LuaValue {
    this.region = region;
    this.at = offset;
    return this.next();
  }

  private next(): LuaValue {
    const type = this.region.bytes[this.at++];
    switch (type) {
      case INTEGER:
        return this.integer();
      case BULK:
        return this.bulk();
      case ARRAY:
      case PUSH:
        return this.array();
      case STATUS:
        return LuaTable.ofField('ok', this.line());
      case ERROR:
        return this.error();
      default:
        return this.nextOfResp3(type);
    }
  }

  private nextOfResp3(type: number | undefined): LuaValue {
    switch (type) {
      case NULL:
        this.line();
        return undefined;
      case BOOLEAN:
        return this.line().charCodeAt(0) === TRUE;
      case DOUBLE:
        return LuaTable.ofField('double', numberOf(this.line()));
      case BIG_NUMBER:
        return LuaTable.ofField('big_number', this.line());
      case VERBATIM:
        return this.verbatim();
      case MAP:
        return LuaTable.ofField('map', this.pairs());
      case SET:
        return LuaTable.ofField('set', this.members());
      case ATTRIBUTE:
        this.pairs();
        return this.next();
      default:
        throw new Error(`no reply begins with byte ${type}`);
    }
  }

  /** Up to the end of the line. */
  private line(): string {
    const { bytes } = this.region;
    const begin = this.at;
    let end = begin;
    while (bytes[end] !== CR) end++;
    this.at = end + 2;
    return textAt(this.region, begin, end);
  }

  /** As a double: digits beyond 2^53 are rounded, as in Lua. */
  private integer(): number {
    const { bytes } = this.region;
    const isNegative = bytes[this.at] === MINUS;
    const begin = isNegative ? this.at + 1 : this.at;
    let end = begin;
    let value = 0;
    for (; bytes[end] !== CR; end++) value = value * 10 + bytes[end]! - 0x30;
    if (end - begin > 15) value = Number(textAt(this.region, begin, end));
    this.at = end + 2;
    return isNegative ? -value : value;
  }

  private bulk(): LuaValue {
    const length = this.integer();
    if (length < 0) return false;
    const begin = this.at;
    this.at = begin + length + 2;
    return textAt(this.region, begin, begin + length);
  }

  private array(): LuaValue {
    const count = this.integer();
    if (count < 0) return false;
    const table = new LuaTable(count, 0);
    const { array } = table;
    for (let i = 1; i <= count; i++) array[i] = this.next();
    return table;
  }

  private error(): LuaTable {
    const table = new LuaTable(0, 2);
    table.set('err', this.line());
    table.set('ignore_error_stats_update', true);
    return table;
  }

  private pairs(): LuaTable {
    const count = this.integer();
    const table = new LuaTable(0, count);
    for (let i = 0; i < count; i++) {
      const key = this.next();
      table.set(key, this.next());
    }
    return table;
  }

  private members(): LuaTable {
    const count = this.integer();
    const table = new LuaTable(0, count);
    for (let i = 0; i < count; i++) table.set(this.next(), true);
    return table;
  }

  private verbatim(): LuaTable {
    const length = this.integer();
    const begin = this.at;
    this.at = begin + length + 2;
    const inner = new LuaTable(0, 2);
    inner.set('format', textAt(this.region, begin, begin + FORMAT_BYTES));
    inner.set('string', textAt(this.region, begin + FORMAT_BYTES + 1, begin + length));
    return LuaTable.ofField('verbatim_string', inner);
  }
}

function numberOf(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  if (text === '-inf') return Number.NEGATIVE_INFINITY;
  return text === 'nan' ? Number.NaN : Number(text);
}
