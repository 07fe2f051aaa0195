/**
 * The keys and arguments of a script, as it was given them. Most scripts only read `KEYS[1]` or `ARGV[2]`,
 * and pass many of these on to a command: then there are no tables, and what is passed on is never a
 * string. Tables are made for scripts that use the lists in other ways (Environment.keysTable).
 */
import { parseNumber } from './number-text.js';
import { ceilLog2, LuaTable } from './table.js';

export interface ScriptInput {
  readonly keyCount: number;
  readonly argumentCount: number;
  /** Key or argument `index`, counted from 0 on over both, keys first. */
  text(index: number): string;
  /** The number that it is, as most are written; NaN: only the text tells. */
  number(index: number): number;
}

/** Who knows the input of the script that runs; only chunks of a script that has one refer to it. */
export interface InputSource {
  readonly input: ScriptInput | undefined;
}

/** The index of `KEYS[place]`, -1 when there is none. */
export function keyIndex(input: ScriptInput, place: number): number {
  return place <= input.keyCount ? place - 1 : -1;
}

/** The index of `ARGV[place]`, -1 when there is none. */
export function argumentIndex(input: ScriptInput, place: number): number {
  return place <= input.argumentCount ? input.keyCount + place - 1 : -1;
}

/** `tonumber` of a key or an argument; of none with -1. */
export function numberOfInput(input: ScriptInput, index: number): number | undefined {
  if (index < 0) return undefined;
  const quick = input.number(index);
  return Number.isNaN(quick) ? parseNumber(input.text(index)) : quick;
}

/** Stands for `KEYS[place]` or `ARGV[place]` among the arguments of a command. No value of Lua. */
export class InputReference {
  constructor(
    private readonly source: InputSource,
    private readonly isKey: boolean,
    private readonly place: number,
  ) {}

  /** As `ScriptInput.text` takes it; -1 when the script was given fewer. */
  get index(): number {
    const input = this.source.input!;
    return this.isKey ? keyIndex(input, this.place) : argumentIndex(input, this.place);
  }

  get text(): string {
    return this.source.input!.text(this.index);
  }
}

/**
 * A constant text among the arguments of a command: a name, a field, a number that the script's text has. Its host
 * need not write it each time. No value of Lua.
 */
export class CommandWord {
  /** Where the host has its bytes; negative as long as it has them nowhere. */
  offset = -1;
  /** The host's: the command of this name. */
  command: object | null = null;

  constructor(readonly text: string) {}
}

/** Keys and arguments that are strings already. */
export function inputOf(keys: readonly string[], argv: readonly string[]): ScriptInput {
  const all = [...keys, ...argv];
  return {
    keyCount: keys.length,
    argumentCount: argv.length,
    text: (index) => all[index]!,
    number: () => Number.NaN,
  };
}

/** The table of so many keys or arguments from `first` on. */
export function listOfInput(input: ScriptInput, first: number, count: number): LuaTable {
  // The size that it would have grown to.
  const list = new LuaTable(count === 0 ? 0 : 1 << ceilLog2(count), 0);
  const { array } = list;
  for (let i = 0; i < count; i++) array[i + 1] = input.text(first + i);
  return list;
}

export function keysOf(input: ScriptInput): LuaTable {
  return listOfInput(input, 0, input.keyCount);
}

export function argumentsOf(input: ScriptInput): LuaTable {
  return listOfInput(input, input.keyCount, input.argumentCount);
}
