/**
 * OBJECT: how a value is stored, told in Redis's words. The value's type knows the words. There is
 * no time of the last access (recency is an order of slots), so a key is never idle.
 */
import { ErrorReply } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import {
  type CommandDefinition,
  type ContainerDefinition,
  keysAt,
} from '../contract/definition.js';
import { replyHelp } from '../contract/help.js';

const NOT_LFU = new ErrorReply(
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that ' +
    'when switching between policies at runtime LRU and LFU data will take some time to adjust.',
);

const KEYS = [keysAt(2, 0, 1, 'RO')];
const ARGUMENTS: CommandDefinition['arguments'] = [{ name: 'key', type: 'key', keySpecIndex: 0 }];

/** Finds argument 2; null is answered when it is not there. */
function found({ args, keys, reply }: Context): boolean {
  if (keys.seekCounting(args, 2)) return true;
  reply.nullBulk();
  return false;
}

export const object: ContainerDefinition = {
  name: 'object',
  summary: 'Commands about how values are stored',
  since: '2.2.3',
  group: 'generic',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const objectEncoding: CommandDefinition = {
  name: 'object|encoding',
  summary: 'Tells in which form a value is stored',
  since: '2.2.3',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  run(context) {
    const { keys, reply } = context;
    if (found(context)) reply.bulkBinary(keys.types.of(keys.kind).encoding(keys));
  },
};

export const objectRefcount: CommandDefinition = {
  name: 'object|refcount',
  summary: 'Tells how many references there are to a value',
  since: '2.2.3',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  run(context) {
    const { keys, reply } = context;
    if (found(context)) reply.integer(keys.types.of(keys.kind).references(keys));
  },
};

export const objectIdletime: CommandDefinition = {
  name: 'object|idletime',
  summary: 'Tells for how many seconds a value has not been used; always 0',
  since: '2.2.3',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  run(context) {
    if (found(context)) context.reply.integer(0);
  },
};

export const objectFreq: CommandDefinition = {
  name: 'object|freq',
  summary: 'Tells how often a value is used; an error, as no policy counts that',
  since: '4.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  run(context) {
    if (found(context)) context.reply.error(NOT_LFU);
  },
};

export const objectHelp: CommandDefinition = {
  name: 'object|help',
  summary: 'Lists the subcommands',
  since: '6.2.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'object'),
};
