/** LPUSH, RPUSH, LPUSHX and RPUSHX: elements at an end of a list. */
import { EVENT_LPUSH, EVENT_RPUSH } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { insert, insertion } from './lib/edit.js';
import { isList, KEY, LEFT, list, RIGHT } from './lib/values.js';

const COMPLEXITY =
  'O(1) for each element added, so O(N) to add N elements when the command is called with ' +
  'multiple arguments.';

function push(context: Context, end: number, creates: boolean): void {
  const { args, keys, reply } = context;
  const found = keys.seek(args, 1);
  if (!found && !creates) {
    reply.integer(0);
    return;
  }
  if (found && !isList(context)) return;
  insertion.args = args;
  insertion.first = 2;
  insertion.end = args.count;
  insertion.isReversed = end === LEFT;
  insertion.index = 0;
  if (found && end === RIGHT) {
    list.open(keys);
    insertion.index = list.count;
  }
  const count = insert(keys, found);
  keys.commit(end === LEFT ? EVENT_LPUSH : EVENT_RPUSH, args);
  reply.integer(count);
}

const SHARED = {
  group: 'list',
  complexity: COMPLEXITY,
  arity: -3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'insert')],
  arguments: [KEY, { name: 'element', type: 'string', flags: ['multiple'] }],
} as const satisfies Partial<CommandDefinition>;

export const lpush: CommandDefinition = {
  ...SHARED,
  name: 'lpush',
  summary: 'Puts elements before the first one of a list, which is created when it is missing',
  since: '1.0.0',
  history: [['2.4.0', 'Accepts multiple `element` arguments.']],
  elements: { by: 'push-head' },
  run: (context) => push(context, LEFT, true),
};

export const rpush: CommandDefinition = {
  ...SHARED,
  name: 'rpush',
  summary: 'Puts elements behind the last one of a list, which is created when it is missing',
  since: '1.0.0',
  history: [['2.4.0', 'Accepts multiple `element` arguments.']],
  elements: { by: 'push-tail' },
  run: (context) => push(context, RIGHT, true),
};

export const lpushx: CommandDefinition = {
  ...SHARED,
  name: 'lpushx',
  summary: 'Puts elements before the first one of a list, if there is one',
  since: '2.2.0',
  history: [['4.0.0', 'Accepts multiple `element` arguments.']],
  elements: { by: 'push-head' },
  run: (context) => push(context, LEFT, false),
};

export const rpushx: CommandDefinition = {
  ...SHARED,
  name: 'rpushx',
  summary: 'Puts elements behind the last one of a list, if there is one',
  since: '2.2.0',
  history: [['4.0.0', 'Accepts multiple `element` arguments.']],
  elements: { by: 'push-tail' },
  run: (context) => push(context, RIGHT, false),
};
