/** BLMOVE, and BRPOPLPUSH, its name from before 6.2: moves an element as soon as there is one. */
import { SYNTAX } from '../../protocol/errors.js';
import { TIMEOUT, TIMEOUT_HISTORY, timeoutAt, waitFor } from '../contract/blocking.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { DESTINATION, MOVE_KEYS, moveElement, SOURCE } from './lib/move.js';
import { endArgument, endAt, LEFT, NEITHER, RIGHT } from './lib/values.js';

const SOURCE_KEY = 1;

function run(context: Context): void {
  const from = endAt(context, 3, SYNTAX);
  if (from === NEITHER) return;
  const to = endAt(context, 4, SYNTAX);
  if (to !== NEITHER) move(context, from, to);
}

function move(context: Context, from: number, to: number): void {
  const { args, keys } = context;
  const timeoutMs = timeoutAt(context, args.count - 1);
  if (timeoutMs < 0) return;
  // In a transaction it answers as LMOVE does.
  if (context.inTransaction || keys.seek(args, SOURCE_KEY)) moveElement(context, from, to);
  else waitFor(context, SOURCE_KEY, SOURCE_KEY + 1, 0, timeoutMs);
}

export const blmove: CommandDefinition = {
  name: 'blmove',
  summary:
    'Takes an element from an end of a list and puts it to an end of another, or waits for one',
  since: '6.2.0',
  group: 'list',
  complexity: 'O(1)',
  arity: 6,
  flags: ['write', 'denyoom', 'noscript', 'blocking'],
  keys: MOVE_KEYS,
  arguments: [SOURCE, DESTINATION, endArgument('wherefrom'), endArgument('whereto'), TIMEOUT],
  waitsFor: 'list',
  run,
};

export const brpoplpush: CommandDefinition = {
  name: 'brpoplpush',
  summary:
    'Takes the last element of a list and puts it before the first one of another, or waits for one',
  since: '2.2.0',
  group: 'list',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom', 'noscript', 'blocking'],
  keys: MOVE_KEYS,
  arguments: [SOURCE, DESTINATION, TIMEOUT],
  docFlags: ['deprecated'],
  deprecatedSince: '6.2.0',
  replacedBy: '`BLMOVE` with the `RIGHT` and `LEFT` arguments',
  history: TIMEOUT_HISTORY,
  waitsFor: 'list',
  run: (context) => move(context, RIGHT, LEFT),
};
