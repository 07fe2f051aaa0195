/** Random sequences of commands over several connections: the input of the differential tests. */
import type { Random } from '../support/random.js';
import { absurdSpecs } from './absurd-commands.js';
import { geoSpecs } from './geo-commands.js';
import { hashSpecs } from './hash-commands.js';
import { hyperloglogSpecs } from './hyperloglog-commands.js';
import { keySpecs } from './key-commands.js';
import { listSpecs } from './list-commands.js';
import { mutate, randomCase } from './mutate.js';
import { serverSpecs, sessionSpecs } from './session-commands.js';
import { setSpecs } from './set-commands.js';
import { sortSpecs } from './sort-commands.js';
import { sortedSetSpecs } from './sorted-set-commands.js';
import { SpecTable } from './spec.js';
import { streamSpecs } from './stream-commands.js';
import { bitmapSpecs, stringSpecs } from './string-commands.js';
import { World } from './world.js';

export interface Step {
  readonly connection: number;
  /** `@SCAN options...` stands for a whole SCAN iteration. */
  readonly args: readonly string[];
}

export interface Sequence {
  /** RESP version of each connection at the start. */
  readonly protocols: readonly number[];
  readonly steps: readonly Step[];
}

const connections = 3;
const brokenShare = 0.13;
const dataSpecs = [
  ...stringSpecs,
  ...bitmapSpecs,
  ...hyperloglogSpecs,
  ...listSpecs,
  ...setSpecs,
  ...hashSpecs,
  ...sortedSetSpecs,
  ...geoSpecs,
  ...streamSpecs,
  ...sortSpecs,
  ...keySpecs,
];
const everything = new SpecTable([...dataSpecs, ...sessionSpecs, ...serverSpecs]);
export const data = new SpecTable(dataSpecs.filter((each) => each.weight > 1));
/** Commands on streams alone, so that groups have a history. */
export const streamTable = new SpecTable(streamSpecs);
/** Collections alone, with numbers that make no sense. */
export const absurdTable = new SpecTable(absurdSpecs);

/** @param table what most of the commands are: everything, unless told otherwise */
export function makeSequence(random: Random, length: number, table = everything): Sequence {
  const world = new World(random);
  const steps: Step[] = [];
  let connection = 0;
  while (steps.length < length) {
    if (random.chance(0.04)) connection = random.below(connections);
    if (random.chance(0.008)) addTransaction(world, steps);
    else push(steps, connection, makeCommand(world, table));
  }
  const protocols = Array.from({ length: connections }, () => random.pick([2, 3]));
  return { protocols, steps };
}

/**
 * Redis takes the errno of an earlier number out of range for that of SORT, which then stores nothing, and
 * the data would differ from there on. A number in range clears it.
 */
function push(steps: Step[], connection: number, args: string[]): void {
  const isSort = /^sort$/i.test(args[0] ?? '');
  if (isSort && args.some((word) => /^store$/i.test(word))) {
    steps.push({ connection, args: ['INCRBYFLOAT', 'errno', '0'] });
  }
  steps.push({ connection, args });
}

function makeCommand(world: World, table: SpecTable): string[] {
  const args = table.make(world);
  if (world.chance(0.1) && !args[0]?.startsWith('@')) {
    args[0] = randomCase(world, args[0] as string);
  }
  return world.chance(brokenShare) ? mutate(world, args) : args;
}

/** WATCH and MULTI on one connection, with another that sometimes writes in between. */
function addTransaction(world: World, steps: Step[]): void {
  const connection = world.random.below(connections);
  const other = (connection + 1) % connections;
  const add = (...args: string[]): void => void steps.push({ connection, args });
  const addData = (who: number): void => push(steps, who, makeCommand(world, data));
  const interfere = (): void => {
    for (let i = world.random.below(3); i > 0; i--) addData(other);
  };
  if (world.chance(0.2)) add('DISCARD');
  if (world.chance(0.7)) add('WATCH', ...world.keys(3));
  if (world.chance(0.3)) addData(connection);
  if (world.chance(0.5)) interfere();
  if (world.chance(0.1)) add('UNWATCH');
  add('MULTI');
  for (let i = world.random.below(7); i > 0; i--) addData(connection);
  if (world.chance(0.1)) add('MULTI');
  if (world.chance(0.1)) add('WATCH', world.key());
  if (world.chance(0.3)) interfere();
  add(world.chance(0.9) ? 'EXEC' : 'DISCARD');
}
