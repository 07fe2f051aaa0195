/**
 * What the commands share that take from the first of several keys: the arguments of LMPOP, ZMPOP and
 * their like that block, numkeys key [key ...] where [COUNT count], and the search for that key.
 */
import { COUNT_POSITIVE, NUMKEYS_POSITIVE, SYNTAX } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from './context.js';

/**
 * @param countIndex argument with the number of keys, which follow
 * @returns the argument behind the keys, which is there, or 0 when an error was answered
 */
export function behindCountedKeys(context: Context, countIndex: number): number {
  const { args, reply } = context;
  const count = indexAt(context, countIndex);
  if (!(count >= 1)) {
    reply.error(NUMKEYS_POSITIVE);
    return 0;
  }
  const behind = countIndex + 1 + count;
  if (behind < args.count) return behind;
  reply.error(SYNTAX);
  return 0;
}

/** @returns the number behind COUNT at this argument, 1 without it, 0 when an error was answered */
export function lastCountAt(context: Context, index: number): number {
  const { args, reply } = context;
  if (index === args.count) return 1;
  if (index + 1 === args.count || !argumentIs(args, index, 'COUNT')) {
    reply.error(SYNTAX);
    return 0;
  }
  const count = indexAt(context, index + 1);
  if (count >= 1 && args.count === index + 2) return count;
  reply.error(count >= 1 ? SYNTAX : COUNT_POSITIVE);
  return 0;
}

/** @returns the first of the arguments `[first, end)` whose key is there, now found; 0 for none */
export function firstKeyThere({ args, keys }: Context, first: number, end: number): number {
  for (let i = first; i < end; i++) if (keys.seek(args, i)) return i;
  return 0;
}

function indexAt({ args }: Context, index: number): number {
  return parseIndex(args.region, args.offset[index]!, args.length[index]!);
}
