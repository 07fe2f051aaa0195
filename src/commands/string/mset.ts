/** MSET: several SETs at once; its effects are one SET per key. */
import { wrongArity } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { emitSet, storeArgument } from './lib/values.js';

const WRONG_ARITY = wrongArity('mset');

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (args.count % 2 === 0) {
    reply.error(WRONG_ARITY);
    return;
  }
  for (let i = 1; i < args.count; i += 2) {
    keys.seek(args, i);
    storeArgument(context, i + 1, 0);
    emitSet(context, i, i + 1, 0);
  }
  reply.ok();
}

export const mset: CommandDefinition = {
  name: 'mset',
  summary: 'Stores strings under several keys',
  since: '1.0.1',
  group: 'string',
  complexity: 'O(N) where N is the number of keys to set.',
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, -1, 2, 'OW', 'update')],
  arguments: [
    {
      name: 'key_value',
      type: 'block',
      flags: ['multiple'],
      arguments: [
        { name: 'key', type: 'key', keySpecIndex: 0 },
        { name: 'value', type: 'string' },
      ],
    },
  ],
  tips: ['request_policy:multi_shard', 'response_policy:all_succeeded'],
  effect: 'own',
  run,
};
