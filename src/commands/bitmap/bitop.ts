/**
 * BITOP: AND, OR, XOR of several values, or NOT of one, into another key. The result is made in the
 * destination's own memory, as there is no limit to its size: a destination that is a source too
 * keeps its bytes and the other sources are combined into them (the order does not matter).
 */
import { copyBytes, equalBytes } from '../../base/region.js';
import { EVENT_DEL, EVENT_SET } from '../../keyspace/events.js';
import { BITOP_NOT, SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import {
  COMBINE_AND,
  COMBINE_OR,
  COMBINE_XOR,
  combineBits,
  invertBits,
} from '../../values/string/bits.js';
import { STRING_RAW } from '../../values/string/type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString } from '../string/lib/values.js';

const INVERT = 3;
const UNKNOWN = 4;
const TARGET = 2;
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
  if (length === 0) {
    removeTarget(context);
  } else {
    const offset = makeTarget(context, operation, length);
    combine(context, operation, offset, length);
    keys.commitValue(EVENT_SET);
  }
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

function removeTarget({ args, keys }: Context): void {
  if (keys.seek(args, TARGET)) keys.remove(EVENT_DEL);
}

function isTarget({ args }: Context, index: number): boolean {
  const length = args.length[index]!;
  if (length !== args.length[TARGET]) return false;
  const { region, offset } = args;
  return equalBytes(region, offset[index]!, region, offset[TARGET]!, length);
}

/** How many of the sources are the destination itself. */
function targetsAmongSources(context: Context): number {
  let count = 0;
  for (let i = FIRST_SOURCE; i < context.args.count; i++) if (isTarget(context, i)) count++;
  return count;
}

/**
 * Makes the destination `length` bytes long.
 *
 * @returns where they are. When it is a source they hold what it contributes, else anything
 */
function makeTarget(context: Context, operation: number, length: number): number {
  const { args, keys } = context;
  const sources = targetsAmongSources(context);
  const found = keys.seek(args, TARGET);
  if (!found || sources === 0) {
    const offset = keys.beginStore(STRING_RAW, length, 0);
    if (sources > 0) keys.region.bytes.fill(0, offset, offset + length);
    return offset;
  }
  const offset = keys.beginRewrite(STRING_RAW, length);
  const cancelled = operation === COMBINE_XOR && sources % 2 === 0;
  if (cancelled) keys.region.bytes.fill(0, offset, offset + length);
  return offset;
}

/** Combines the sources; shorter ones count as followed by zeroes. Ends at the destination. */
function combine(context: Context, operation: number, offset: number, length: number): void {
  const { args, keys } = context;
  const target = keys.region;
  let empty = targetsAmongSources(context) === 0;
  for (let i = FIRST_SOURCE; i < args.count; i++) {
    if (isTarget(context, i)) continue;
    const given = keys.seek(args, i) ? keys.valueLength : 0;
    if (empty) copyBytes(target, offset, keys.region, keys.valueOffset, given);
    else combineBits(operation, target, offset, keys.region, keys.valueOffset, given);
    if (empty || operation === COMBINE_AND) target.bytes.fill(0, offset + given, offset + length);
    empty = false;
  }
  if (operation === INVERT) invertBits(target, offset, length);
  keys.seek(args, TARGET);
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
  run,
};
