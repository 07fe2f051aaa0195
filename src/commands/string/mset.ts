/** MSET: several SETs at once; its effects are one SET per key. */
import { storeSeveral } from '../../keyspace/store-several.js';
import { wrongArity } from '../../protocol/errors.js';
import { STRING_AUTO } from '../../values/string/type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';

const WRONG_ARITY = wrongArity('mset');

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (args.count % 2 === 0) {
    reply.error(WRONG_ARITY);
    return;
  }
  storeSeveral(keys, args, 1, STRING_AUTO);
  reply.ok();
}

export const mset: CommandDefinition = {
  name: 'mset',
  summary: 'Stores strings under several keys',
  since: '1.0.1',
  group: 'string',
  complexity: 'O(N) where N is the number of keys to set.',
  shortArguments: SHORT_ARGUMENTS_MAX,
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
  run,
};
