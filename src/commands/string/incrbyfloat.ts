/**
 * INCRBYFLOAT: adding in 80-bit floating point, as Redis does. What replicas get is the outcome, so
 * that they need not compute alike.
 */
import { type Region, toBinary } from '../../base/region.js';
import { EVENT_INCRBYFLOAT } from '../../keyspace/events.js';
import { NAN_OR_INFINITY, NOT_FLOAT } from '../../protocol/errors.js';
import {
  addLongDouble,
  formatLongDouble,
  isFiniteLongDouble,
  type LongDouble,
  parseLongDouble,
} from '../../protocol/long-double.js';
import { STRING_TEXT } from '../../values/string/type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString } from './lib/values.js';

/** A longer text is no number, and not worth making a string of. */
const TEXT_BYTES_MAX = 8192;

function parse(region: Region, offset: number, length: number): LongDouble | null {
  return length > TEXT_BYTES_MAX ? null : parseLongDouble(toBinary(region, offset, length));
}

function run(context: Context): void {
  const { args, keys, reply } = context;
  const found = keys.seek(args, 1);
  if (found && !isString(context)) return;
  const value = found
    ? parse(keys.region, keys.valueOffset, keys.valueLength)
    : parseLongDouble('0');
  const by = parse(args.region, args.offset[2]!, args.length[2]!);
  if (value === null || by === null) {
    reply.error(NOT_FLOAT);
    return;
  }
  const sum = addLongDouble(value, by);
  if (!isFiniteLongDouble(sum)) {
    reply.error(NAN_OR_INFINITY);
    return;
  }
  store(context, formatLongDouble(sum), found ? keys.expiry : 0);
}

function store(context: Context, text: string, expiry: number): void {
  const { keys } = context;
  const offset = keys.beginStore(STRING_TEXT, text.length, expiry);
  for (let i = 0; i < text.length; i++) keys.region.bytes[offset + i] = text.charCodeAt(i);
  keys.commitValue(EVENT_INCRBYFLOAT);
  context.reply.bulkBinary(text);
}

export const incrbyfloat: CommandDefinition = {
  name: 'incrbyfloat',
  summary: 'Adds to the floating point number stored under a key',
  since: '2.6.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'increment', type: 'double' },
  ],
  run,
};
