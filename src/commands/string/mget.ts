/** MGET: several GETs at once; what is no string is answered like what is not there. */
import { isStringKind } from '../../values/string/type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';
import { replyValue } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  reply.array(args.count - 1);
  for (let i = 1; i < args.count; i++) {
    if (keys.seekForRead(args, i) && isStringKind(keys.kind)) replyValue(context);
    else reply.nullBulk();
  }
}

export const mget: CommandDefinition = {
  name: 'mget',
  summary: 'Returns the strings stored under several keys',
  since: '1.0.0',
  group: 'string',
  complexity: 'O(N) where N is the number of keys to retrieve.',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, -1, 1, 'RO', 'access')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] }],
  tips: ['request_policy:multi_shard'],
  run,
};
