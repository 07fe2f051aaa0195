/**
 * PFCOUNT: how many different elements a HyperLogLog has seen, or the union of several.
 *
 * The cardinality of a single one is kept in its header. Keeping it is a change, although the command
 * is no write, and has an effect of eight bytes. It is left out where effects must not be made: on a
 * replica, and while a replica lags. A Redis that is followed sends it when it has kept one.
 */
import type { Keyspace } from '../../keyspace/keyspace.js';
import type { Reply } from '../../protocol/reply.js';
import {
  Cardinality,
  readCachedCardinality,
  writeCachedCardinality,
} from '../../values/hyperloglog/cardinality.js';
import { CARDINALITY_OFFSET, checkHeader } from '../../values/hyperloglog/layout.js';
import { STRING_RAW } from '../../values/string/type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString } from '../string/lib/values.js';
import { counter, isValid, joinAll, makeRaw } from './lib/values.js';

const CARDINALITY_BYTES = 8;

const cardinality = new Cardinality();

function run(context: Context): void {
  const isCounted = context.args.count === 2 ? countOne(context) : countUnion(context);
  if (isCounted) replyCardinality(context.reply);
}

/** Counts into `cardinality`. False when an error was answered. */
function countOne(context: Context): boolean {
  const { args, keys } = context;
  cardinality.set(0);
  if (!keys.seekForRead(args, 1)) return true;
  if (!isString(context)) return false;
  const { region, valueOffset, valueLength } = keys;
  if (!isValid(context, checkHeader(region, valueOffset, valueLength))) return false;
  makeRaw(context);
  if (readCachedCardinality(cardinality, region, valueOffset)) return true;
  const state = counter.count(cardinality, region, valueOffset, valueLength);
  if (!isValid(context, state)) return false;
  const mayKeep = keys.expiresKeys && !keys.defersExpiry(keys.shard);
  if (mayKeep || context.settings.repeatsCommands) keepCardinality(keys);
  return true;
}

function keepCardinality(keys: Keyspace): void {
  const offset = keys.beginEdit(STRING_RAW, keys.valueLength, true);
  writeCachedCardinality(keys.region, offset, cardinality);
  const effect = keys.custom(null, 'SETRANGE').word(`${CARDINALITY_OFFSET}`);
  effect.bytes(keys.region, offset + CARDINALITY_OFFSET, CARDINALITY_BYTES).end();
}

function countUnion(context: Context): boolean {
  if (!joinAll(context)) return false;
  counter.countUnion(cardinality);
  return true;
}

function replyCardinality(reply: Reply): void {
  if (cardinality.isSafe) reply.integer(cardinality.toNumber());
  else reply.bigInteger(cardinality.toBigInt());
}

export const pfcount: CommandDefinition = {
  name: 'pfcount',
  summary: 'Estimates how many different elements HyperLogLogs have seen together',
  since: '2.8.9',
  group: 'hyperloglog',
  complexity: 'O(1) for one key, O(N) for N keys, each of them much slower',
  arity: -2,
  flags: ['readonly', 'may_replicate'],
  keys: [
    {
      ...keysAt(1, -1, 1, 'RW', 'access'),
      notes:
        'RW because it may change the internal representation of the key, and propagate to replicas',
    },
  ],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] }],
  run,
};
