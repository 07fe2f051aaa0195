/** EXISTS and TOUCH: how many of the keys are there. A key given twice counts twice. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';

function count({ args, keys, reply }: Context): void {
  let found = 0;
  for (let i = 1; i < args.count; i++) {
    if (keys.seekForRead(args, i)) found++;
  }
  reply.integer(found);
}

export const exists: CommandDefinition = {
  name: 'exists',
  summary: 'Counts which of the keys exist',
  since: '1.0.0',
  group: 'generic',
  complexity: 'O(N) where N is the number of keys to check.',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, -1, 1, 'RO')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] }],
  tips: ['request_policy:multi_shard', 'response_policy:agg_sum'],
  history: [['3.0.3', 'Several keys.']],
  run(context) {
    context.keys.findWithoutUse();
    count(context);
  },
};

export const touch: CommandDefinition = {
  name: 'touch',
  summary: 'Counts which of the keys exist and marks them as used',
  since: '3.2.1',
  group: 'generic',
  complexity: 'O(N) where N is the number of keys that will be touched.',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, -1, 1, 'RO')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] }],
  tips: ['request_policy:multi_shard', 'response_policy:agg_sum'],
  /** Also for a client with CLIENT NO-TOUCH. */
  run(context) {
    context.keys.findWithUse();
    count(context);
  },
};
