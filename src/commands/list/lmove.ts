/** LMOVE, and RPOPLPUSH, its name from before 6.2: an element goes from one list to another. */
import { SYNTAX } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { DESTINATION, MOVE_KEYS, moveElement, SOURCE } from './lib/move.js';
import { endArgument, endAt, LEFT, NEITHER, RIGHT } from './lib/values.js';

function run(context: Context): void {
  const from = endAt(context, 3, SYNTAX);
  if (from === NEITHER) return;
  const to = endAt(context, 4, SYNTAX);
  if (to !== NEITHER) moveElement(context, from, to);
}

export const lmove: CommandDefinition = {
  name: 'lmove',
  summary: 'Takes an element from an end of a list and puts it to an end of another',
  since: '6.2.0',
  group: 'list',
  complexity: 'O(1)',
  arity: 5,
  flags: ['write', 'denyoom'],
  keys: MOVE_KEYS,
  arguments: [SOURCE, DESTINATION, endArgument('wherefrom'), endArgument('whereto')],
  run,
};

export const rpoplpush: CommandDefinition = {
  name: 'rpoplpush',
  summary: 'Takes the last element of a list and puts it before the first one of another',
  since: '1.2.0',
  group: 'list',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'denyoom'],
  keys: MOVE_KEYS,
  arguments: [SOURCE, DESTINATION],
  docFlags: ['deprecated'],
  deprecatedSince: '6.2.0',
  replacedBy: '`LMOVE` with the `RIGHT` and `LEFT` arguments',
  run: (context) => moveElement(context, RIGHT, LEFT),
};
