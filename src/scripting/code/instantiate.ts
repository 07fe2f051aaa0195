/**
 * Makes a Lua function of generated code. The code runs in strict mode and sees its parameters
 * only: helpers of runtime/, all named $..., and what the environment gives it.
 */
import { moduloNumbers, powerNumbers } from '../runtime/arithmetic.js';
import * as calls from '../runtime/calls.js';
import * as indexing from '../runtime/indexing.js';
import { CommandWord, type InputReference } from '../runtime/input.js';
import { meter } from '../runtime/meter.js';
import * as operations from '../runtime/operations.js';
import { type ChunkSites, registerChunk } from '../runtime/positions.js';
import { LuaTable } from '../runtime/table.js';
import { type LuaFunction, type LuaValue, NONE } from '../runtime/values.js';
import type { Chunk } from '../syntax/tree.js';
import type { ChunkCode } from './chunk.js';

/** What generated code asks its environment for. */
export interface CodeEnvironment {
  /** KEYS and ARGV; undefined where there are none. */
  readonly keysTable: LuaTable | undefined;
  readonly argvTable: LuaTable | undefined;
  /** KEYS[place] and ARGV[place] of a chunk that uses these in no other way. */
  key(place: number): LuaValue;
  argument(place: number): LuaValue;
  /** `tonumber` of these. */
  keyNumber(place: number): LuaValue;
  argumentNumber(place: number): LuaValue;
  /** redis.call where nobody sees what it answers. */
  readonly perform: (...args: LuaValue[]) => void;
  /** Stands for one of these among the arguments of a command. */
  reference(isKey: boolean, place: number): InputReference;
  readGlobal(name: string): LuaValue;
  writeGlobal(name: string, value: LuaValue): void;
  constant(name: string): LuaValue;
  constantField(name: string, field: string): LuaValue;
}

const HELPERS = {
  $Generator: calls.Generator,
  $NONE: NONE,
  $Table: LuaTable,
  $add: operations.add,
  $argTable: calls.argTable,
  $array: calls.toArray,
  $callable: calls.callable,
  $concat: operations.concat,
  $concat2: operations.concat2,
  $divide: operations.divide,
  $driven: calls.driven,
  $dual: calls.dual,
  $equals: operations.equals,
  $field: indexing.field,
  $forNumbers: operations.forNumbers,
  $index: indexing.index,
  $indexString: indexing.indexString,
  $items: LuaTable.ofItems,
  $iterate: calls.iterate,
  $length: operations.length,
  $lessEqual: operations.lessEqual,
  $lessThan: operations.lessThan,
  $list: indexing.list,
  $loopMode: indexing.loopMode,
  $made: calls.made,
  $meter: meter,
  $modulo: operations.modulo,
  $moduloNumbers: moduloNumbers,
  $multiply: operations.multiply,
  $negate: operations.negate,
  $nextPosition: indexing.nextPosition,
  $one: calls.one,
  $overflow: calls.overflow,
  $power: operations.power,
  $powerNumbers: powerNumbers,
  $resumable: calls.resumable,
  $setIndex: indexing.setIndex,
  $setString: indexing.setString,
  $settle: calls.settleGenerator,
  $subtract: operations.subtract,
  $tailCall: calls.tailCall,
  $word: (text: string) => new CommandWord(text),
};

const ENVIRONMENT_NAMES = [
  '$environment',
  '$key',
  '$argument',
  '$keyNumber',
  '$argumentNumber',
  '$reference',
  '$perform',
  '$global',
  '$setGlobal',
  '$constant',
  '$constantField',
];
const NAMES = [...ENVIRONMENT_NAMES, ...Object.keys(HELPERS), '$chunk'];
const VALUES = Object.values(HELPERS);

export function instantiate(
  code: ChunkCode,
  { name, source }: Pick<Chunk, 'name' | 'source'>,
  environment: CodeEnvironment,
): LuaFunction {
  const chunk: ChunkSites = { name, source, sites: code.sites };
  const url = registerChunk(chunk);
  // The chunk's sites live as long as its code does: the code has them as a parameter.
  const text = `${code.code}\n//# sourceURL=${url}`;
  const make = new Function(...NAMES, text) as (...values: unknown[]) => LuaFunction;
  const f = make(
    environment,
    (place: number) => environment.key(place),
    (place: number) => environment.argument(place),
    (place: number) => environment.keyNumber(place),
    (place: number) => environment.argumentNumber(place),
    (isKey: boolean, place: number) => environment.reference(isKey, place),
    environment.perform,
    (global: string) => environment.readGlobal(global),
    (global: string, value: LuaValue) => environment.writeGlobal(global, value),
    (global: string) => environment.constant(global),
    (global: string, field: string) => environment.constantField(global, field),
    ...VALUES,
    chunk,
  );
  return f;
}
