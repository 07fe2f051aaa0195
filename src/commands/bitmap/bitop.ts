/**
 * BITOP: AND, OR, XOR of several values, or NOT of one, into another key. The result grows in this
 * thread's scratch memory, one source at a time, and is stored when it is complete, as the
 * destination may be a source too.
 */
import { copyBytes, type Region } from '../../base/region.js';
import { EVENT_DEL, EVENT_SET } from '../../keyspace/events.js';
import { STRING_RAW } from '../../keyspace/kinds.js';
import { BITOP_NOT, SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import {
  COMBINE_AND,
  COMBINE_OR,
  COMBINE_XOR,
  combineBits,
  invertBits,
} from '../../values/string/bits.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString } from '../string/shared-values.js';

const INVERT = 3;
const UNKNOWN = 4;
const FIRST_SOURCE = 3;

function operationOf({ args }: Context): number {
  if (argumentIs(args, 1, 'AND')) return COMBINE_AND;
  if (argumentIs(args, 1, 'OR')) return COMBINE_OR;
  if (argumentIs(args, 1, 'XOR')) return COMBINE_XOR;
  return argumentIs(args, 1, 'NOT') ? INVERT : UNKNOWN;
}

function run(context: Context): void {
  const { args, keys, reply } = context;
  const operation = operationOf(context);
  if (operation === UNKNOWN) {
    reply.error(SYNTAX);
    return;
  }
  if (operation === INVERT && args.count !== FIRST_SOURCE + 1) {
    reply.error(BITOP_NOT);
    return;
  }
  const length = longestSource(context);
  if (length < 0) return;
  const result = keys.scratch(length);
  combine(context, operation, result, length);
  if (length === 0) removeTarget(context);
  else storeTarget(context, result, length);
  reply.integer(length);
}

/** The length of the longest source; -1 when one is no string, which is answered. */
function longestSource(context: Context): number {
  const { args, keys } = context;
  let longest = 0;
  for (let i = FIRST_SOURCE; i < args.count; i++) {
    if (!keys.seekForRead(args, i)) continue;
    if (!isString(context)) return -1;
    longest = Math.max(longest, keys.valueLength);
  }
  return longest;
}

/** Shorter sources count as followed by zeroes. */
function combine(context: Context, operation: number, result: Region, length: number): void {
  const { args, keys } = context;
  for (let i = FIRST_SOURCE; i < args.count; i++) {
    const given = keys.seek(args, i) ? keys.valueLength : 0;
    if (i === FIRST_SOURCE) copyBytes(result, 0, keys.region, keys.valueOffset, given);
    else combineBits(operation, result, 0, keys.region, keys.valueOffset, given);
    if (i === FIRST_SOURCE || operation === COMBINE_AND) result.bytes.fill(0, given, length);
  }
  if (operation === INVERT) invertBits(result, 0, length);
}

function removeTarget({ args, keys }: Context): void {
  if (!keys.seek(args, 2)) return;
  keys.remove(EVENT_DEL);
  keys.effects.begin('DEL').argument(args, 2).end(keys.shard, keys.database);
}

function storeTarget({ args, keys }: Context, result: Region, length: number): void {
  keys.seek(args, 2);
  const offset = keys.put(STRING_RAW, length, 0, EVENT_SET);
  copyBytes(keys.region, offset, result, 0, length);
  const effects = keys.effects.begin('SET').argument(args, 2).bytes(result, 0, length);
  effects.end(keys.shard, keys.database);
}

export const bitop: CommandDefinition = {
  name: 'bitop',
  summary: 'Combines the bits of strings and stores the result',
  since: '2.6.0',
  group: 'bitmap',
  complexity: 'O(N)',
  arity: -4,
  flags: ['write', 'denyoom'],
  keys: [keysAt(2, 0, 1, 'OW', 'update'), keysAt(3, -1, 1, 'RO', 'access')],
  arguments: [
    { name: 'operation', type: 'string' },
    { name: 'destkey', type: 'key', keySpecIndex: 0 },
    { name: 'key', type: 'key', keySpecIndex: 1, flags: ['multiple'] },
  ],
  effect: 'own',
  run,
};
