/**
 * RESTORE: a key with a value that DUMP has told, on this server or on a Redis. The value is built
 * beside the keyspace first, so that a bad payload or a full shard changes nothing. Replicas get one
 * RESTORE with the same payload, which replaces the key and says absolutely when it expires.
 *
 * IDLETIME and FREQ give the key a place in the order of its bucket's slots (structures/slot-order.ts),
 * which is all that is known of a key's use: FREQ with an LFU policy, IDLETIME with an LRU policy.
 */
import { expiryOf, TIME_MAX } from '../../base/expiry-time.js';
import { copyBytes } from '../../base/region.js';
import { EVENT_DEL, EVENT_RESTORE } from '../../keyspace/events.js';
import { DUMP_READ, DUMP_WRONG_FOOTER } from '../../persistence/rdb/dump.js';
import { ValueRestore } from '../../persistence/rdb/store/payloads.js';
import {
  BUSY_KEY,
  DUMP_PAYLOAD,
  NOT_INTEGER,
  RESTORE_BAD_FORMAT,
  RESTORE_FREQUENCY,
  RESTORE_IDLE_TIME,
  RESTORE_TTL,
  SYNTAX,
} from '../../protocol/errors.js';
import {
  INTEGER_BIG,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { LoadedValue } from '../../values/value-type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';

const TIME = 2;
const PAYLOAD = 3;
const FIRST_OPTION = 4;
const FREQUENCY_MAX = 255;
/** A key that was not used for so many seconds, a day and a half, is the least useful. */
const IDLE_BITS = 17;

class Options {
  replace = false;
  absolute = false;
  hasIdleTime = false;
  hasFrequency = false;
  /** The number that was read last. */
  number = 0;
  idleSeconds = 0;
  frequency = 0;
}

const options = new Options();
const parsed = new ParsedInteger();
const values = new ValueRestore();

/** @returns false when an error was answered */
function parseOptions(context: Context): boolean {
  const { args, reply } = context;
  Object.assign(options, { replace: false, absolute: false });
  Object.assign(options, { hasIdleTime: false, hasFrequency: false });
  for (let i = FIRST_OPTION; i < args.count; i++) {
    const hasMore = i + 1 < args.count;
    if (argumentIs(args, i, 'REPLACE')) options.replace = true;
    else if (argumentIs(args, i, 'ABSTTL')) options.absolute = true;
    else if (argumentIs(args, i, 'IDLETIME') && hasMore && !options.hasFrequency) {
      options.hasIdleTime = true;
      if (!isInRange(context, ++i, Infinity, RESTORE_IDLE_TIME)) return false;
      options.idleSeconds = options.number;
    } else if (argumentIs(args, i, 'FREQ') && hasMore && !options.hasIdleTime) {
      options.hasFrequency = true;
      if (!isInRange(context, ++i, FREQUENCY_MAX, RESTORE_FREQUENCY)) return false;
      options.frequency = options.number;
    } else {
      reply.error(SYNTAX);
      return false;
    }
  }
  return true;
}

/** Whether argument `index` is from 0 to `most`: it is in the options. False: an error was answered. */
function isInRange(
  { args, reply }: Context,
  index: number,
  most: number,
  error: typeof RESTORE_TTL,
): boolean {
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed);
  if (kind === NOT_AN_INTEGER) {
    reply.error(NOT_INTEGER);
    return false;
  }
  const value = kind === INTEGER_BIG ? Number(parsed.big) : parsed.value;
  options.number = value;
  if (value >= 0 && value <= most) return true;
  reply.error(error);
  return false;
}

/** When the key expires, 0 for never; NaN when an error was answered. */
function expiryAt(context: Context): number {
  const { args, now } = context;
  if (!isInRange(context, TIME, Infinity, RESTORE_TTL)) return Number.NaN;
  const { offset, length } = args;
  const isBig = parseInteger(args.region, offset[TIME]!, length[TIME]!, parsed) === INTEGER_BIG;
  const time = isBig ? parsed.big : BigInt(parsed.value);
  if (time === 0n) return 0;
  const absolute = options.absolute ? time : time + BigInt(now);
  return expiryOf(absolute > TIME_MAX ? TIME_MAX : absolute);
}

/** Builds the value. @returns whether it was built; else an error was answered */
function build({ args, keys, reply, settings }: Context): boolean {
  const { region, offset, length } = args;
  const outcome = values.read(keys, settings, region, offset[PAYLOAD]!, length[PAYLOAD]!);
  if (outcome === DUMP_READ) return true;
  reply.error(outcome === DUMP_WRONG_FOOTER ? DUMP_PAYLOAD : RESTORE_BAD_FORMAT);
  return false;
}

function store({ args, keys }: Context, value: LoadedValue, expiry: number): void {
  const { kind, region, valueOffset, valueLength } = value;
  let at = 0;
  try {
    at = keys.beginStore(kind, valueLength, expiry);
  } catch (error) {
    if (keys.types.owns(kind)) keys.types.free(value);
    throw error;
  }
  copyBytes(keys.region, at, region, valueOffset, valueLength);
  placeByUse(keys);
  const effect = keys.custom(EVENT_RESTORE, 'RESTORE').time(expiry).argument(args, PAYLOAD);
  effect.word('REPLACE').word('ABSTTL').end();
}

/** The least useful keys are the first to be evicted. */
function placeByUse(keys: Context['keys']): void {
  const { hasFrequency, frequency, hasIdleTime, idleSeconds } = options;
  if (keys.tracksFrequency) {
    if (hasFrequency) keys.setUsefulness(frequency, FREQUENCY_MAX);
  } else if (hasIdleTime) {
    keys.setUsefulness(Math.max(0, IDLE_BITS - Math.log2(1 + idleSeconds)), IDLE_BITS);
  }
}

function run(context: Context): void {
  const { args, keys, reply, now } = context;
  if (!parseOptions(context)) return;
  const exists = keys.seek(args, 1);
  if (exists && !options.replace) {
    reply.error(BUSY_KEY);
    return;
  }
  const expiry = expiryAt(context);
  if (Number.isNaN(expiry) || !build(context)) return;
  const value = values.take();
  if (expiry > 0 && expiry <= now && keys.expiresKeys) {
    if (keys.types.owns(value.kind)) keys.types.free(value);
    if (exists) keys.remove(EVENT_DEL);
  } else {
    store(context, value, expiry);
  }
  reply.ok();
}

const COMPLEXITY =
  'O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).';

export const restore: CommandDefinition = {
  name: 'restore',
  summary: 'Creates a key with a value that DUMP has told',
  since: '2.6.0',
  group: 'generic',
  complexity: COMPLEXITY,
  arity: -4,
  flags: ['write', 'denyoom'],
  categories: ['dangerous'],
  keys: [keysAt(1, 0, 1, 'OW', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'ttl', type: 'integer' },
    { name: 'serialized-value', type: 'string' },
    {
      name: 'replace',
      type: 'pure-token',
      token: 'REPLACE',
      since: '3.0.0',
      flags: ['optional'],
    },
    { name: 'absttl', type: 'pure-token', token: 'ABSTTL', since: '5.0.0', flags: ['optional'] },
    { name: 'seconds', type: 'integer', token: 'IDLETIME', since: '5.0.0', flags: ['optional'] },
    { name: 'frequency', type: 'integer', token: 'FREQ', since: '5.0.0', flags: ['optional'] },
  ],
  history: [
    ['3.0.0', 'REPLACE.'],
    ['5.0.0', 'ABSTTL.'],
    ['5.0.0', 'IDLETIME and FREQ.'],
  ],
  run,
};

export const restoreAsking: CommandDefinition = {
  ...restore,
  name: 'restore-asking',
  summary: 'The same, as MIGRATE sends it to a node of a cluster',
  since: '3.0.0',
  group: 'server',
  flags: ['write', 'denyoom', 'asking'],
  categories: ['keyspace', 'dangerous'],
  docFlags: ['syscmd'],
};
