/**
 * HINCRBYFLOAT: adding in 80-bit floating point, as Redis does. What replicas get is the outcome, so
 * that they need not compute alike. An expiry of the field stays.
 */
import { Region, toBinary } from '../../base/region.js';
import { EVENT_HINCRBYFLOAT } from '../../keyspace/events.js';
import {
  HASH_NOT_FLOAT,
  INCREMENT_NAN_OR_INFINITY,
  NAN_OR_INFINITY,
  NOT_FLOAT,
} from '../../protocol/errors.js';
import {
  addLongDouble,
  formatLongDouble,
  isFiniteLongDouble,
  type LongDouble,
  parseLongDouble,
} from '../../protocol/long-double.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { commitOutcome, takePair, writePair } from './lib/store.js';
import {
  FIELD_ARGUMENT,
  FOUND,
  findField,
  hash,
  KEY_ARGUMENT,
  openOrCreate,
  REFUSED,
} from './lib/values.js';

const FIELD = 2;
const INCREMENT = 3;
/** A longer text is no number, and not worth making a string of. */
const TEXT_BYTES_MAX = 8192;

const text = new Region(new SharedArrayBuffer(TEXT_BYTES_MAX), 0);

function parse(region: Region, offset: number, length: number): LongDouble | null {
  return length > TEXT_BYTES_MAX ? null : parseLongDouble(toBinary(region, offset, length));
}

/** The value found. */
function parseValue(): LongDouble | null {
  const { value } = hash;
  if (value.length > TEXT_BYTES_MAX) return null;
  value.copyTo(hash.elementRegion, text, 0);
  return parse(text, 0, value.length);
}

function run(context: Context): void {
  const { args, reply } = context;
  const by = parse(args.region, args.offset[INCREMENT]!, args.length[INCREMENT]!);
  if (by === null) {
    reply.error(NOT_FLOAT);
    return;
  }
  if (!isFiniteLongDouble(by)) {
    reply.error(INCREMENT_NAN_OR_INFINITY);
    return;
  }
  const state = openOrCreate(context);
  if (state === REFUSED) return;
  const found = state === FOUND && findField(context, FIELD);
  const value = found ? parseValue() : parseLongDouble('0');
  if (value === null) {
    reply.error(HASH_NOT_FLOAT);
    return;
  }
  const sum = addLongDouble(value, by);
  if (isFiniteLongDouble(sum)) store(context, formatLongDouble(sum), found && hash.expiry !== 0);
  else reply.error(NAN_OR_INFINITY);
}

function store(context: Context, sum: string, expires: boolean): void {
  for (let i = 0; i < sum.length; i++) text.bytes[i] = sum.charCodeAt(i);
  takePair(context, FIELD, text, sum.length);
  writePair(context);
  commitOutcome(context, EVENT_HINCRBYFLOAT, expires);
  context.reply.bulkBinary(sum);
}

export const hincrbyfloat: CommandDefinition = {
  name: 'hincrbyfloat',
  summary: 'Adds to the floating point number in a field of a hash',
  since: '2.6.0',
  group: 'hash',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [KEY_ARGUMENT, FIELD_ARGUMENT, { name: 'increment', type: 'double' }],
  run,
};
