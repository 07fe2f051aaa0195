/** Subcommands of DEBUG that concern keys: POPULATE, OBJECT, DIGEST, DIGEST-VALUE, CHECK. */
import { STRING_LIMIT_BYTES } from '../../../base/limits.js';
import { giveBack, newRegion } from '../../../base/owned-region.js';
import { Region } from '../../../base/region.js';
import { type Keyspace, StoreFullError } from '../../../keyspace/keyspace.js';
import { checkShard } from '../../../keyspace/shard-check.js';
import { NO_KEY, OUT_OF_RANGE_POSITIVE, shardFull } from '../../../protocol/errors.js';
import {
  formatInteger,
  INTEGER_BYTES_MAX,
  INTEGER_OK,
  ParsedInteger,
  parseInteger,
} from '../../../protocol/numbers.js';
import type { Context } from '../../contract/context.js';
import { storeBytes } from '../../string/lib/values.js';
import type { DebugHandler } from './debug-handler.js';
import { digestOfData, digestOfValue } from './digest.js';

/** `value:` and a number. */
const VALUE_BYTES_MAX = 64 + INTEGER_BYTES_MAX;

const parsed = new ParsedInteger();

/** Argument `index` as a count, or -1 and an error reply. */
function positiveArgument({ args, reply }: Context, index: number): number {
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed);
  if (kind === INTEGER_OK && parsed.value >= 0) return parsed.value;
  reply.error(OUT_OF_RANGE_POSITIVE);
  return -1;
}

function writeText(region: Region, text: string): number {
  for (let i = 0; i < text.length; i++) region.bytes[i] = text.charCodeAt(i);
  return text.length;
}

/**
 * Runs `work` with the shard of a key locked. Before it has the lock, the hash key may change: then
 * it is not called, and the key is sought in its new shard.
 */
function withKey(
  context: Context,
  region: Region,
  offset: number,
  length: number,
  work: () => void,
): void {
  const { shards } = context.keys;
  const { keyHash } = shards;
  for (let done = false; !done; ) {
    const { epoch } = keyHash;
    context.withShard(shards.shardOf(region, offset, length), () => {
      if (epoch !== keyHash.epoch) return;
      done = true;
      work();
    });
  }
}

/**
 * Creates keys `<prefix>:<n>` with values `value:<n>`, padded with zero bytes or cut to `size`.
 * Keys that exist are left alone. Keys and values are written into one region, so that millions take
 * seconds. Replicas get them as SET. A full shard ends it at the first key without room; those
 * before it stay.
 */
function populate(context: Context): void {
  const { args, keys, reply, session } = context;
  const count = positiveArgument(context, 2);
  if (count < 0) return;
  const size = args.count === 5 ? positiveArgument(context, 4) : 0;
  if (size < 0) return;
  if (size > STRING_LIMIT_BYTES) {
    reply.error(OUT_OF_RANGE_POSITIVE);
    return;
  }
  const prefix = args.count >= 4 ? context.text(3) : 'key';
  const keyRegion = new Region(new SharedArrayBuffer((prefix.length + 40) & ~7), 0);
  const digitsAt = writeText(keyRegion, `${prefix}:`);
  const value = newRegion(Math.max(size, VALUE_BYTES_MAX));
  const valueDigitsAt = writeText(value, 'value:');
  const { database } = session;
  let index = 0;
  let keyLength = 0;
  let full: StoreFullError | null = null;
  const create = (): void => {
    if (keys.seekKey(database, keyRegion, 0, keyLength)) return;
    const valueEnd = formatInteger(value, valueDigitsAt, index);
    full = storeOrFull(keys, value, size === 0 ? valueEnd : size);
  };
  keys.forget();
  for (; index < count && full === null; index++) {
    keyLength = formatInteger(keyRegion, digitsAt, index);
    withKey(context, keyRegion, 0, keyLength, create);
  }
  giveBack(value);
  replyStored(reply, full);
}

/**
 * Stores the value. @returns the error of a full shard. It may not be thrown through `withShard`,
 * which takes every exception for a change without an effect.
 */
function storeOrFull(keys: Keyspace, value: Region, length: number): StoreFullError | null {
  try {
    storeBytes(keys, value, 0, length);
    return null;
  } catch (error) {
    if (error instanceof StoreFullError) return error;
    throw error;
  }
}

function replyStored(reply: Context['reply'], full: StoreFullError | null): void {
  if (full === null) reply.ok();
  else reply.errorText(shardFull(full.shard, full.shards, full.shardBytes));
}

function describeObject(context: Context): void {
  const { args, keys, reply, now } = context;
  let text = '';
  keys.forget();
  withKey(context, args.region, args.offset[2]!, args.length[2]!, () => {
    keys.findWithoutUse();
    if (!keys.seek(args, 2)) return;
    const type = keys.types.of(keys.kind);
    const clock = Math.floor(now / 1000) & 0xffffff;
    text =
      `Value at:0x${keys.valueOffset.toString(16)} refcount:1 ` +
      `encoding:${type.encoding(keys)} serializedlength:${type.serializedLength(keys)} ` +
      `lru:${clock} lru_seconds_idle:0`;
  });
  if (text === '') reply.error(NO_KEY);
  else reply.simple(text);
}

function digestValues(context: Context): void {
  const { args, keys, reply } = context;
  reply.array(args.count - 2);
  keys.forget();
  for (let i = 2; i < args.count; i++) {
    let digest = '0'.repeat(40);
    withKey(context, args.region, args.offset[i]!, args.length[i]!, () => {
      if (keys.seek(args, i)) digest = digestOfValue(keys);
    });
    reply.simple(digest);
  }
}

/** Verifies every shard; an exception tells what is wrong. */
function check(context: Context): void {
  const { shards } = context.keys;
  for (let shard = 0; shard < shards.count; shard++) {
    context.withShard(shard, () => checkShard(shards, shard));
  }
  context.reply.ok();
}

export const DATA_HANDLERS: readonly DebugHandler[] = [
  {
    name: 'populate',
    usage: '<count> [<prefix> [<size>]]',
    summary: 'Creates keys <prefix>:<number>; replicas get them as well',
    least: 1,
    most: 3,
    run: populate,
  },
  {
    name: 'object',
    usage: '<key>',
    summary: 'Tells how a key is stored',
    least: 1,
    most: 1,
    run: describeObject,
  },
  {
    name: 'digest',
    usage: '',
    summary: 'Computes a digest of all data: equal data have equal digests',
    least: 0,
    most: 0,
    run: (context) => context.reply.simple(digestOfData(context)),
  },
  {
    name: 'digest-value',
    usage: '<key> [<key> ...]',
    summary: 'Computes digests of values',
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
    run: digestValues,
  },
  {
    name: 'check',
    usage: '',
    summary: "Verifies all tables and the shards of all keys (Darter's own, for tests)",
    least: 0,
    most: 0,
    run: check,
  },
];
