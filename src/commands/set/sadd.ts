/** SADD: adds members to a set. */
import { EVENT_SADD } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { addArguments, addMember } from './lib/edit.js';
import { isSet, takeArgument } from './lib/values.js';

const FIRST_MEMBER = 2;

function addOne(context: Context, found: boolean): number {
  takeArgument(context, FIRST_MEMBER);
  return addMember(context, found) ? 1 : 0;
}

function run(context: Context): void {
  const { args, keys, reply } = context;
  const found = keys.seek(args, 1);
  if (found && !isSet(context)) return;
  const isOne = args.count === FIRST_MEMBER + 1;
  const added = isOne ? addOne(context, found) : addArguments(context, found, FIRST_MEMBER);
  if (added > 0) {
    keys.commit(EVENT_SADD, args);
    keys.changes += added - 1;
  }
  reply.integer(added);
}

export const sadd: CommandDefinition = {
  name: 'sadd',
  summary: 'Adds members to a set, which is created when the key does not exist',
  since: '1.0.0',
  group: 'set',
  complexity:
    'O(1) for each element added, so O(N) to add N elements when the command is called with ' +
    'multiple arguments.',
  arity: -3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'insert')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string', flags: ['multiple'] },
  ],
  history: [['2.4.0', 'Several members.']],
  elements: { by: 'hash', first: 2, step: 1, element: 0 },
  run,
};
