/** cjson.encode. Tables with keys 1..n are arrays, unless they are too sparse; all others objects. */
import { libraryError, typeName } from '../runtime/failures.js';
import { meter } from '../runtime/meter.js';
import { formatGeneral, numberToText } from '../runtime/number-text.js';
import { LuaTable } from '../runtime/table.js';
import { TextBuilder } from '../runtime/text-builder.js';
import { type LuaValue, Userdata } from '../runtime/values.js';
import type { JsonSettings } from './json-settings.js';
import { replaceCharacters } from './quoting.js';

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
};

/** Of `tostring`, which knows integers at sight. */
const DEFAULT_PRECISION = 14;

/** The JSON null of a script. */
export const JSON_NULL = new Userdata('userdata: (nil)');

function escapeCharacter(c: string): string {
  return ESCAPES[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A text of so few characters is looked at before anything is replaced in it: most are names. */
const LOOKED_AT_MAX = 64;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes control characters.
const ESCAPED = /[\0-\x1f"\\/\x7f]/;
const ALL_ESCAPED = new RegExp(ESCAPED, 'g');

function quoted(text: string): string {
  if (text.length <= LOOKED_AT_MAX && !ESCAPED.test(text)) return `"${text}"`;
  return `"${replaceCharacters(text, ALL_ESCAPED, escapeCharacter)}"`;
}

export class JsonEncoder {
  private readonly text = new TextBuilder();

  constructor(private readonly settings: JsonSettings) {}

  encode(value: LuaValue): string {
    this.value(value, 0);
    return this.text.finish();
  }

  private push(part: string): void {
    this.text.push(part);
  }

  private fail(value: LuaValue, reason: string): Error {
    throw libraryError(`Cannot serialise ${typeName(value)}: ${reason}`);
  }

  private value(value: LuaValue, depth: number): void {
    if (--meter.ticks < 0) meter.tick();
    if (typeof value === 'string') this.push(quoted(value));
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'boolean') this.push(value ? 'true' : 'false');
    else if (value instanceof LuaTable) this.table(value, depth + 1);
    else if (value === undefined || value === JSON_NULL) this.push('null');
    else throw this.fail(value, 'type not supported');
  }

  private number(x: number): void {
    if (Number.isFinite(x)) {
      this.push(this.numberText(x));
      return;
    }
    const { encodeInvalidNumbers } = this.settings;
    if (encodeInvalidNumbers === 'null') this.push('null');
    else if (encodeInvalidNumbers === 'off') throw this.fail(x, 'must not be NaN or Inf');
    else this.push(Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf');
  }

  private numberText(x: number): string {
    const { encodeNumberPrecision } = this.settings;
    if (encodeNumberPrecision === DEFAULT_PRECISION) return numberToText(x);
    return formatGeneral(x, encodeNumberPrecision);
  }

  private table(table: LuaTable, depth: number): void {
    if (depth > this.settings.encodeMaxDepth) {
      throw libraryError(`Cannot serialise, excessive nesting (${depth})`);
    }
    const length = this.arrayLength(table);
    if (length > 0) this.array(table, length, depth);
    else this.object(table, depth);
  }

  /** The largest index, or -1 for an object. */
  private arrayLength(table: LuaTable): number {
    let max = 0;
    let count = 0;
    for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
      const key = table.keyAt(at);
      if (typeof key !== 'number' || key < 1 || !Number.isInteger(key)) return -1;
      // The library keeps it in an int of C, where a large number becomes the least one.
      if (key > max) max = key < 2 ** 31 ? key : -(2 ** 31);
      count++;
    }
    const { sparseRatio, sparseSafe, sparseConvert } = this.settings;
    if (sparseRatio > 0 && max > count * sparseRatio && max > sparseSafe) {
      if (!sparseConvert) throw this.fail(table, 'excessively sparse array');
      return -1;
    }
    return max;
  }

  private array(table: LuaTable, length: number, depth: number): void {
    this.push('[');
    for (let i = 1; i <= length; i++) {
      if (i > 1) this.push(',');
      this.value(table.getNumber(i), depth);
    }
    this.push(']');
  }

  private object(table: LuaTable, depth: number): void {
    this.push('{');
    let isFirst = true;
    for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
      if (!isFirst) this.push(',');
      isFirst = false;
      const key = table.keyAt(at);
      if (typeof key === 'string') this.push(`${quoted(key)}:`);
      else if (typeof key === 'number') {
        this.push('"');
        this.number(key);
        this.push('":');
      } else throw this.fail(key, 'table key must be a number or string');
      this.value(table.valueAt(at), depth);
    }
    this.push('}');
  }
}
