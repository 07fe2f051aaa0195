/** MSETNX: MSET when none of the keys is there; its effects are one SET per key. */
import { storeSeveral } from '../../keyspace/store-several.js';
import { wrongArity } from '../../protocol/errors.js';
import { STRING_AUTO } from '../../values/string/type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';

const WRONG_ARITY = wrongArity('msetnx');

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (args.count % 2 === 0) {
    reply.error(WRONG_ARITY);
    return;
  }
  for (let i = 1; i < args.count; i += 2) {
    if (keys.seek(args, i)) {
      reply.integer(0);
      return;
    }
  }
  storeSeveral(keys, args, 1, STRING_AUTO);
  reply.integer(1);
}

export const msetnx: CommandDefinition = {
  name: 'msetnx',
  summary: 'Stores strings under several keys, unless one of them exists',
  since: '1.0.1',
  group: 'string',
  complexity: 'O(N) where N is the number of keys to set.',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, -1, 2, 'OW', 'insert')],
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
  tips: ['request_policy:multi_shard', 'response_policy:agg_min'],
  run,
};
