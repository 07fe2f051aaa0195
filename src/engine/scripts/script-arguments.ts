/** The keys and arguments of EVAL, FCALL and their kin: `name numkeys key ... argument ...`. */

import { INTEGER_OK, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import type { Arguments } from '../../protocol/parser.js';
import { STRING_MAX_BYTES } from '../../scripting/runtime/meter.js';
import { RegionText } from './region-text.js';

const FIRST_KEY = 3;
const NOT_A_NUMBER = -1;
export const TOO_MANY = "ERR Number of keys can't be greater than number of args";
const NEGATIVE = "ERR Number of keys can't be negative";
export const TOO_LONG = 'ERR an argument of a script may have 536870888 bytes';

export class ScriptArguments {
  keys: string[] = [];
  argv: string[] = [];
  private readonly text = new RegionText();
  private readonly parsed = new ParsedInteger();

  /**
   * @param notNumber the error for a number of keys that is none
   * @returns the text of an error, or null
   */
  read(args: Arguments, notNumber: string): string | null {
    const error = this.countError(args, notNumber);
    if (error !== null) return error;
    const { length, count } = args;
    const keys = this.keyCount(args);
    for (let i = FIRST_KEY; i < count; i++) if (length[i]! > STRING_MAX_BYTES) return TOO_LONG;
    this.keys = this.strings(args, FIRST_KEY, FIRST_KEY + keys);
    this.argv = this.strings(args, FIRST_KEY + keys, count);
    return null;
  }

  /** What is wrong with the number of keys: the text of an error, or null. */
  countError(args: Arguments, notNumber: string): string | null {
    const { region, offset, length, count } = args;
    const isNumber = parseInteger(region, offset[2]!, length[2]!, this.parsed) !== 0;
    if (!isNumber) return notNumber;
    const keys = this.keyCount(args);
    if (keys > count - FIRST_KEY) return TOO_MANY;
    return keys < 0 ? NEGATIVE : null;
  }

  /** Argument `index` as a string. */
  argument(args: Arguments, index: number): string {
    const { region, offset, length } = args;
    this.text.aim(region);
    return this.text.slice(offset[index]!, offset[index]! + length[index]!);
  }

  private keyCount({ region, offset, length }: Arguments): number {
    const kind = parseInteger(region, offset[2]!, length[2]!, this.parsed);
    if (kind === INTEGER_OK) return this.parsed.value;
    // A number of 64 bits that is no safe integer.
    return region.bytes[offset[2]!] === 0x2d ? NOT_A_NUMBER : Number.MAX_SAFE_INTEGER;
  }

  private strings(args: Arguments, first: number, end: number): string[] {
    const texts: string[] = [];
    for (let i = first; i < end; i++) texts.push(this.argument(args, i));
    return texts;
  }
}
