/** The keys and arguments of EVAL, FCALL and their kin: `name numkeys key ... argument ...`. */

import { INTEGER_OK, NOT_AN_INTEGER, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import { Arguments } from '../../protocol/parser.js';
import type { ScriptInput } from '../../scripting/environment.js';
import { defaultMemoryBytes, STRING_MAX_BYTES } from '../../scripting/runtime/meter.js';
import { parseQuickly } from '../../scripting/runtime/number-text.js';
import { textAt } from './region-text.js';

/** Index of the first key, or argument, in the command's vector. */
export const FIRST_KEY = 3;
const NOT_A_NUMBER = -1;
export const TOO_MANY = "ERR Number of keys can't be greater than number of args";
const NEGATIVE = "ERR Number of keys can't be negative";
export const TOO_LONG = 'ERR an argument of a script may have 536870888 bytes';

const TOO_MUCH = 'ERR the arguments of a script may take as much as a script may';
/** What an argument takes beside its bytes, with its place in a table. */
const ARGUMENT_BYTES = 100;
/** V8 keeps the bytes of longer strings outside of its heap. */
const OUTSIDE_BYTES = 1_000_000;
const KEPT_TEXTS = 64;
const NO_ARGUMENTS = new Arguments();

/** Argument `index` as a string. */
export function argumentText({ region, offset, length }: Arguments, index: number): string {
  const begin = offset[index]!;
  return textAt(region, begin, begin + length[index]!);
}

export class ScriptArguments implements ScriptInput {
  private readonly memoryBytes = defaultMemoryBytes();
  private readonly parsed = new ParsedInteger();
  /** Keys of the vector whose count was looked at last. */
  private count = 0;
  /** Of the run. */
  keyCount = 0;
  private vector = NO_ARGUMENTS;
  /** Of the run: what it has read as strings. */
  private readonly texts: (string | undefined)[] = [];
  private textsEnd = 0;

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
    this.release();
    this.vector = args;
    this.keyCount = this.count;
    return null;
  }

  get argumentCount(): number {
    return this.vector.count - FIRST_KEY - this.keyCount;
  }

  text(index: number): string {
    const { texts } = this;
    const known = texts[index];
    if (known !== undefined) return known;
    const text = argumentText(this.vector, FIRST_KEY + index);
    while (texts.length <= index) texts.push(undefined);
    texts[index] = text;
    if (index >= this.textsEnd) this.textsEnd = index + 1;
    return text;
  }

  number(index: number): number {
    const { region, offset, length } = this.vector;
    const at = FIRST_KEY + index;
    const begin = offset[at]!;
    return parseQuickly(region.bytes, begin, begin + length[at]!);
  }

  /** After the run. */
  release(): void {
    const { texts, textsEnd } = this;
    this.vector = NO_ARGUMENTS;
    this.textsEnd = 0;
    if (texts.length > KEPT_TEXTS) texts.length = 0;
    else for (let i = 0; i < textsEnd; i++) texts[i] = undefined;
  }

  /** What is wrong with the number of keys: the text of an error, or null. */
  countError(args: Arguments, notNumber: string): string | null {
    const { region, offset, length, count } = args;
    const kind = parseInteger(region, offset[2]!, length[2]!, this.parsed);
    if (kind === NOT_AN_INTEGER) return notNumber;
    this.count = this.parsed.value;
    // A number of 64 bits that is no safe integer.
    if (kind !== INTEGER_OK) {
      const isNegative = region.bytes[offset[2]!] === 0x2d;
      this.count = isNegative ? NOT_A_NUMBER : Number.MAX_SAFE_INTEGER;
    }
    if (this.count > count - FIRST_KEY) return TOO_MANY;
    return this.count < 0 ? NEGATIVE : null;
  }
}
