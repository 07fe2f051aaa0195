/** HGETALL, HKEYS and HVALS: a hash as a whole. */
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import {
  FOUND,
  hash,
  KEY_ARGUMENT,
  KEY_READ,
  openForRead,
  REFUSED,
  replyField,
  replyValue,
} from './lib/values.js';

const FIELDS = 1;
const VALUES = 2;
const BOTH = FIELDS | VALUES;

function replyAll(context: Context, parts: number): void {
  const { reply } = context;
  const state = openForRead(context);
  if (state === REFUSED) return;
  const size = state === FOUND ? hash.size : 0;
  // Fields that have expired and are still there are counted, but not shown.
  const isExact = size === 0 || !hash.mayHaveExpired;
  const mark = reply.mark();
  if (isExact) replyHeader(context, parts, size);
  const count = size === 0 ? 0 : replyPairs(context, parts);
  if (isExact) return;
  if (parts === BOTH) reply.patchMap(mark, count);
  else reply.patchArray(mark, count);
}

function replyHeader({ reply }: Context, parts: number, count: number): void {
  if (parts === BOTH) reply.map(count);
  else reply.array(count);
}

/** @returns how many */
function replyPairs({ reply }: Context, parts: number): number {
  let count = 0;
  hash.rewind();
  while (hash.next()) {
    if ((parts & FIELDS) !== 0) replyField(reply);
    if ((parts & VALUES) !== 0) replyValue(reply);
    count++;
  }
  return count;
}

const SHARED = {
  since: '2.0.0',
  group: 'hash',
  complexity: 'O(N) where N is the size of the hash.',
  arity: 2,
  flags: ['readonly'],
  keys: KEY_READ,
  arguments: [KEY_ARGUMENT],
  tips: ['nondeterministic_output_order'],
} as const satisfies Partial<CommandDefinition>;

export const hgetall: CommandDefinition = {
  ...SHARED,
  name: 'hgetall',
  summary: 'Returns all fields of a hash and their values',
  run: (context) => replyAll(context, BOTH),
};

export const hkeys: CommandDefinition = {
  ...SHARED,
  name: 'hkeys',
  summary: 'Returns all fields of a hash',
  run: (context) => replyAll(context, FIELDS),
};

export const hvals: CommandDefinition = {
  ...SHARED,
  name: 'hvals',
  summary: 'Returns the values of all fields of a hash',
  run: (context) => replyAll(context, VALUES),
};
