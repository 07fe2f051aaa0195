/** GETBIT: one bit of a value; those beyond its end are 0. */
import { BIT_OFFSET } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString } from '../string/lib/values.js';
import { bitOffsetAt } from './lib/offset.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  const bit = bitOffsetAt(args, 2, 0, context.settings.stringBytesMax);
  if (bit < 0) {
    reply.error(BIT_OFFSET);
    return;
  }
  if (!keys.seekForRead(args, 1)) {
    reply.integer(0);
    return;
  }
  if (!isString(context)) return;
  // Below 2^32, so that >>> divides it exactly.
  const index = bit >>> 3;
  const byte = index < keys.valueLength ? keys.region.bytes[keys.valueOffset + index]! : 0;
  reply.integer((byte >>> (7 - (bit & 7))) & 1);
}

export const getbit: CommandDefinition = {
  name: 'getbit',
  summary: 'Returns one bit of a string',
  since: '2.2.0',
  group: 'bitmap',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'offset', type: 'integer' },
  ],
  run,
};
