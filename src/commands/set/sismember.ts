/** SISMEMBER and SMISMEMBER: whether a set has a member, or each of several. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';
import { isSet, member, place, takeArgument } from './lib/values.js';

const FIRST_MEMBER = 2;

function answer(context: Context, found: boolean, index: number): void {
  takeArgument(context, index);
  context.reply.integer(found && place.has(member) ? 1 : 0);
}

/** Finds the set. @returns false when an error was answered */
function open(context: Context, found: boolean): boolean {
  if (!found) return true;
  if (!isSet(context)) return false;
  place.take(context.keys);
  return true;
}

export const sismember: CommandDefinition = {
  name: 'sismember',
  summary: 'Tells whether a set has a member',
  since: '1.0.0',
  group: 'set',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string' },
  ],
  run(context) {
    const found = context.keys.seekForRead(context.args, 1);
    if (open(context, found)) answer(context, found, FIRST_MEMBER);
  },
};

export const smismember: CommandDefinition = {
  name: 'smismember',
  summary: 'Tells for each of several members whether a set has it',
  since: '6.2.0',
  group: 'set',
  complexity: 'O(N) where N is the number of elements being checked for membership',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -3,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string', flags: ['multiple'] },
  ],
  run(context) {
    const { args, keys, reply } = context;
    const found = keys.seekForRead(args, 1);
    if (!open(context, found)) return;
    reply.array(args.count - FIRST_MEMBER);
    for (let i = FIRST_MEMBER; i < args.count; i++) answer(context, found, i);
  },
};
