/** SETBIT: sets or clears one bit, making the value longer when needed. */
import { EVENT_SETBIT } from '../../keyspace/events.js';
import { BIT_OFFSET, BIT_VALUE } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { STRING_RAW } from '../../values/string/type.js';
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
  const value = parseIndex(args.region, args.offset[3]!, args.length[3]!);
  if (value !== 0 && value !== 1) {
    reply.error(BIT_VALUE);
    return;
  }
  const found = keys.seek(args, 1);
  if (found && !isString(context)) return;
  // Below 2^32, so that >>> divides it exactly.
  const index = bit >>> 3;
  const length = found ? keys.valueLength : 0;
  const mask = 0x80 >>> (bit & 7);
  const byte = index < length ? keys.region.bytes[keys.valueOffset + index]! : 0;
  const old = (byte & mask) === 0 ? 0 : 1;
  if (old !== value || index >= length) {
    const at = keys.beginEdit(STRING_RAW, Math.max(length, index + 1), found) + index;
    keys.region.bytes[at] = value === 1 ? byte | mask : byte & ~mask;
    keys.commit(EVENT_SETBIT, args);
  } else if (keys.kind !== STRING_RAW) {
    keys.reencode(STRING_RAW);
  }
  reply.integer(old);
}

export const setbit: CommandDefinition = {
  name: 'setbit',
  summary: 'Sets or clears one bit of a string',
  since: '2.2.0',
  group: 'bitmap',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'offset', type: 'integer' },
    { name: 'value', type: 'integer' },
  ],
  run,
};
