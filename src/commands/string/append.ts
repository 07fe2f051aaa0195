/** APPEND: bytes at the end of a value. */
import { copyBytes } from '../../base/region.js';
import { EVENT_APPEND } from '../../keyspace/events.js';
import { STRING_TOO_LONG } from '../../protocol/errors.js';
import { STRING_RAW } from '../../values/string/type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString, storeArgument } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  const length = args.length[2]!;
  if (!keys.seek(args, 1)) {
    storeArgument(context, 2, 0, EVENT_APPEND);
    reply.integer(length);
    return;
  }
  if (!isString(context)) return;
  const before = keys.valueLength;
  const total = before + length;
  if (total > context.settings.stringBytesMax) {
    reply.error(STRING_TOO_LONG);
    return;
  }
  const offset = keys.beginEdit(STRING_RAW, total, true);
  copyBytes(keys.region, offset + before, args.region, args.offset[2]!, length);
  keys.commit(EVENT_APPEND, args);
  reply.integer(total);
}

export const append: CommandDefinition = {
  name: 'append',
  summary: 'Adds bytes to the end of the string stored under a key',
  since: '2.0.0',
  group: 'string',
  complexity: 'O(1) amortized, for short additions',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'insert')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'value', type: 'string' },
  ],
  run,
};
