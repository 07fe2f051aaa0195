/**
 * OBJECT: how a value is stored, told in Redis's words. The value's type knows the words. There is
 * no time of the last access: recency and frequency are an order of slots (structures/slot-order.ts). So
 * a key is never idle, and its frequency is told by the place of its slot.
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

const NOT_LRU = new ErrorReply(
  'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when ' +
    'switching between policies at runtime LRU and LFU data will take some time to adjust.',
);

/** Redis's counters have 8 bits. */
const FREQUENCY_MAX = 255;

const KEYS = [keysAt(2, 0, 1, 'RO')];
const ARGUMENTS: CommandDefinition['arguments'] = [{ name: 'key', type: 'key', keySpecIndex: 0 }];

/** Finds argument 2; null is answered when it is not there. */
function found({ args, keys, reply }: Context): boolean {
  keys.findWithoutUse();
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
    if (!found(context)) return;
    if (context.keys.tracksFrequency) context.reply.error(NOT_LRU);
    else context.reply.integer(0);
  },
};

export const objectFreq: CommandDefinition = {
  name: 'object|freq',
  summary: 'Tells how often a value is used, from 0 to 255; an error without an LFU policy',
  since: '4.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  run(context) {
    if (!found(context)) return;
    const { keys, reply } = context;
    if (keys.tracksFrequency) reply.integer(keys.usefulness(FREQUENCY_MAX));
    else reply.error(NOT_LFU);
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
