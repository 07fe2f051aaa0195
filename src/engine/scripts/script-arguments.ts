/** The keys and arguments of EVAL, FCALL and their kin: `name numkeys key ... argument ...`. */

import { INTEGER_OK, NOT_AN_INTEGER, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import type { Arguments } from '../../protocol/parser.js';
import { newList } from '../../scripting/environment.js';
import { defaultMemoryBytes, STRING_MAX_BYTES } from '../../scripting/runtime/meter.js';
import { LuaTable } from '../../scripting/runtime/table.js';
import { textAt } from './region-text.js';

const FIRST_KEY = 3;
const NOT_A_NUMBER = -1;
export const TOO_MANY = "ERR Number of keys can't be greater than number of args";
const NEGATIVE = "ERR Number of keys can't be negative";
export const TOO_LONG = 'ERR an argument of a script may have 536870888 bytes';

const TOO_MUCH = 'ERR the arguments of a script may take as much as a script may';
/** What an argument takes beside its bytes, with its place in a table. */
const ARGUMENT_BYTES = 100;
/** V8 keeps the bytes of longer strings outside of its heap. */
const OUTSIDE_BYTES = 1_000_000;
const NOTHING = new LuaTable();

/** Argument `index` as a string. */
export function argumentText({ region, offset, length }: Arguments, index: number): string {
  const begin = offset[index]!;
  return textAt(region, begin, begin + length[index]!);
}

export class ScriptArguments {
  private readonly memoryBytes = defaultMemoryBytes();
  /** For one run: the tables are the script's. */
  keys = NOTHING;
  argv = NOTHING;
  private readonly parsed = new ParsedInteger();
  /** Of the vector whose count was looked at last. */
  private keyCount = 0;

  /**
   * @param notNumber the error for a number of keys that is none
   * @returns the text of an error, or null
   */
  read(args: Arguments, notNumber: string): string | null {
    const error = this.countError(args, notNumber);
    if (error !== null) return error;
    const { length, count } = args;
    let bytes = 0;
    for (let i = FIRST_KEY; i < count; i++) {
      if (length[i]! > STRING_MAX_BYTES) return TOO_LONG;
      bytes += ARGUMENT_BYTES + (length[i]! < OUTSIDE_BYTES ? length[i]! : 0);
    }
    if (bytes > this.memoryBytes) return TOO_MUCH;
    const keysEnd = FIRST_KEY + this.keyCount;
    this.keys = listOfArguments(args, FIRST_KEY, keysEnd);
    this.argv = listOfArguments(args, keysEnd, count);
    return null;
  }

  /** After the run. */
  release(): void {
    this.keys = NOTHING;
    this.argv = NOTHING;
  }

  /** What is wrong with the number of keys: the text of an error, or null. */
  countError(args: Arguments, notNumber: string): string | null {
    const { region, offset, length, count } = args;
    const kind = parseInteger(region, offset[2]!, length[2]!, this.parsed);
    if (kind === NOT_AN_INTEGER) return notNumber;
    this.keyCount = this.parsed.value;
    // A number of 64 bits that is no safe integer.
    if (kind !== INTEGER_OK) {
      const isNegative = region.bytes[offset[2]!] === 0x2d;
      this.keyCount = isNegative ? NOT_A_NUMBER : Number.MAX_SAFE_INTEGER;
    }
    if (this.keyCount > count - FIRST_KEY) return TOO_MANY;
    return this.keyCount < 0 ? NEGATIVE : null;
  }
}

function listOfArguments(args: Arguments, first: number, end: number): LuaTable {
  const list = newList(end - first);
  const { array } = list;
  for (let i = first; i < end; i++) array[i - first + 1] = argumentText(args, i);
  return list;
}
