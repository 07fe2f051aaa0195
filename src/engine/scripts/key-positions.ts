/**
 * Where a call in a script has its keys, from its text alone: the engine's part of finding out whether
 * a script is closed (scripting/closedness.ts).
 */
import { KeyPlaces } from '../../commands/contract/key-flags.js';
import { argumentsOf } from '../../protocol/argument-words.js';
import type { ArgumentKind, CommandCall } from '../../scripting/closedness.js';
import { findKeys } from '../key-places.js';
import {
  type RegisteredCommand,
  type Registry,
  TRAIT_LOCK_ALL,
  TRAIT_LOCK_NONE,
} from '../registry.js';

/**
 * @returns the places of the keys among the arguments behind the command's name, or undefined when the
 *   text does not tell them
 */
export function keyPositions(
  registry: Registry,
  { name, args, isOpenEnded }: CommandCall,
): readonly number[] | undefined {
  const command = commandOf(registry, name, args);
  if (command === undefined || !hasPlainKeys(command)) return undefined;
  // What stands for any number of arguments may only stand behind all keys.
  if (isOpenEnded && !keysAreFixed(command)) return undefined;
  const vector = argumentsOf([name, ...args.map(textOf)]);
  const places = new KeyPlaces();
  if (!findKeys(command.keys, vector, places)) return undefined;
  const positions: number[] = [];
  for (let i = 0; i < places.count; i++) positions.push(places.index[i]! - 1);
  if (isOpenEnded && positions.some((position) => position >= args.length - 1)) return undefined;
  return positions;
}

function commandOf(registry: Registry, name: string, args: readonly ArgumentKind[]) {
  const command = registry.commands.get(name.toLowerCase());
  if (command === undefined || !command.hasSubcommands) return command;
  const [first] = args;
  return first?.kind === 'constant' ? command.subcommands.get(first.text.toLowerCase()) : undefined;
}

/** Whether no keyword and no pattern decides what the keys are. */
function hasPlainKeys({ keys, traits, readsAnyKey }: RegisteredCommand): boolean {
  if ((traits & (TRAIT_LOCK_ALL | TRAIT_LOCK_NONE)) !== 0 || readsAnyKey !== undefined) {
    return false;
  }
  return keys.every(({ begin }) => 'index' in begin);
}

function keysAreFixed({ keys }: RegisteredCommand): boolean {
  return keys.every(({ find }) => 'last' in find && find.last >= 0);
}

/** What is not constant is no number, so that a count of keys that is none is found out. */
function textOf(argument: ArgumentKind): string {
  return argument.kind === 'constant' ? argument.text : '';
}
