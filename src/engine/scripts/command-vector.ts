/**
 * The command vector of redis.call: a script's arguments as bytes. Constant texts of scripts (names of commands,
 * fields, options) are written once, and lie before those of the call:
 *
 *     region   │ words ......... │ arguments of the call under way ... │
 *              0                 wordsEnd
 */
import { DOUBLE_BYTES_MAX, writeLongDouble } from '../../base/double-bytes.js';
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import { doubleIsShort } from '../../protocol/doubles.js';
import { formatInteger } from '../../protocol/numbers.js';
import { Arguments } from '../../protocol/parser.js';
import { type CommandArgument, commandNumber } from '../../scripting/library/redis.js';
import { CommandWord, type InputReference } from '../../scripting/runtime/input.js';
import { writeTextAt } from './region-text.js';
import { FIRST_KEY } from './script-arguments.js';
import type { ScriptRun } from './script-run.js';

const INITIAL_BYTES = 4096;
/** Regions that have grown beyond this are not kept after their command. */
const KEPT_BYTES = 1 << 20;
const VECTOR_BYTES_MAX = 0x7ff0_0000;
/** Words of all scripts; what comes later is written at each call. */
export const WORDS_BYTES_MAX = 64 * 1024;
export const WORD_BYTES_MAX = 64;

/** Writes a number as scripts pass it on. @returns the position behind it */
function writeNumber(region: Region, at: number, x: number): number {
  if (doubleIsShort(x)) return formatInteger(region, at, x);
  const end = writeLongDouble(region.bytes, at, x);
  return end >= 0 ? end : writeTextAt(region, at, commandNumber(x));
}

export class CommandVector {
  readonly args = new Arguments();
  private region = newRegion(INITIAL_BYTES);
  private wordsEnd = 0;
  /** Where each word lies. */
  private readonly words = new Map<string, number>();

  constructor(private readonly run: ScriptRun) {}

  /** Writes the arguments of a call. @returns false when they are too long */
  assemble(args: readonly CommandArgument[]): boolean {
    let bytes = 0;
    for (let i = 0; i < args.length; i++) bytes += this.bytesOf(args[i]!);
    if (bytes > VECTOR_BYTES_MAX - WORDS_BYTES_MAX) return false;
    const { args: vector, wordsEnd } = this;
    if (wordsEnd + bytes > this.region.length) this.makeRoom(bytes);
    const { region } = this;
    vector.region = region;
    vector.count = 0;
    let at = wordsEnd;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      if (arg instanceof CommandWord && arg.offset >= 0) {
        vector.push(arg.offset, arg.text.length);
        continue;
      }
      const end = this.write(region, at, arg);
      vector.push(at, end - at);
      at = end;
    }
    return true;
  }

  /** What an argument takes at most, beside the words. */
  private bytesOf(arg: CommandArgument): number {
    if (typeof arg === 'string') return arg.length;
    if (typeof arg === 'number') return DOUBLE_BYTES_MAX;
    if (!(arg instanceof CommandWord)) return this.run.args!.length[FIRST_KEY + arg.index]!;
    return arg.offset >= 0 || this.placeWord(arg) ? 0 : arg.text.length;
  }

  /** Writes an argument. @returns the position behind it */
  private write(region: Region, at: number, arg: CommandArgument): number {
    if (typeof arg === 'string') return writeTextAt(region, at, arg);
    if (typeof arg === 'number') return writeNumber(region, at, arg);
    if (arg instanceof CommandWord) return writeTextAt(region, at, arg.text);
    return this.writeInput(region, at, arg);
  }

  private writeInput(region: Region, at: number, arg: InputReference): number {
    const { region: source, offset, length } = this.run.args!;
    const index = FIRST_KEY + arg.index;
    copyBytes(region, at, source, offset[index]!, length[index]!);
    return at + length[index]!;
  }

  /** @returns false when there is no place for it */
  private placeWord(word: CommandWord): boolean {
    const { text } = word;
    const known = this.words.get(text);
    if (known !== undefined) {
      word.offset = known;
      return true;
    }
    const end = this.wordsEnd + text.length;
    if (text.length > WORD_BYTES_MAX || end > WORDS_BYTES_MAX) return false;
    this.makeRoom(text.length);
    writeTextAt(this.region, this.wordsEnd, text);
    word.offset = this.wordsEnd;
    this.words.set(text, this.wordsEnd);
    this.wordsEnd = end;
    return true;
  }

  private makeRoom(bytes: number): void {
    const { wordsEnd } = this;
    this.region = withRoom(this.region, wordsEnd, wordsEnd + bytes);
  }

  /** After a command: gives back what a long one took. */
  trim(): void {
    const { region, wordsEnd } = this;
    if (region.length <= KEPT_BYTES) return;
    this.region = newRegion(INITIAL_BYTES + WORDS_BYTES_MAX);
    copyBytes(this.region, 0, region, 0, wordsEnd);
    giveBack(region);
    this.args.trim();
  }
}
