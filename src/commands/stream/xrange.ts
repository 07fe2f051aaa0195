/** XRANGE and XREVRANGE: entries between two ids. */
import { SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import { StreamId } from '../../values/stream/stream-id.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { endAt, integerAt, isStream, KEY, replyRange, startAt, streamFound } from './lib/values.js';

const start = new StreamId();
const end = new StreamId();

/** COUNT: -1 without one, NaN when the error is answered. */
function countOf(context: Context): number {
  const { args, reply } = context;
  let count = -1;
  for (let i = 4; i < args.count; i += 2) {
    if (!argumentIs(args, i, 'COUNT') || i + 1 === args.count) {
      reply.error(SYNTAX);
      return Number.NaN;
    }
    count = integerAt(context, i + 1);
    if (Number.isNaN(count)) return count;
    if (count < 0) count = 0;
  }
  return count;
}

function run(context: Context, isReversed: boolean): void {
  const { args, keys, reply } = context;
  if (!startAt(context, isReversed ? 3 : 2, start)) return;
  if (!endAt(context, isReversed ? 2 : 3, end)) return;
  const count = countOf(context);
  if (Number.isNaN(count)) return;
  if (!keys.seekForRead(args, 1)) {
    reply.emptyArray();
    return;
  }
  if (!isStream(context)) return;
  if (count === 0) reply.nullArray();
  else replyRange(reply, streamFound(context), start, end, Math.max(count, 0), isReversed);
}

const SHARED = {
  since: '5.0.0',
  group: 'stream',
  arity: -4,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  history: [['6.2.0', 'Added exclusive ranges.']],
} as const satisfies Partial<CommandDefinition>;

const COUNT = { name: 'count', type: 'integer', token: 'COUNT', flags: ['optional'] } as const;

export const xrange: CommandDefinition = {
  ...SHARED,
  name: 'xrange',
  summary: 'Returns the entries between two ids',
  complexity:
    'O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).',
  arguments: [KEY, { name: 'start', type: 'string' }, { name: 'end', type: 'string' }, COUNT],
  run: (context) => run(context, false),
};

export const xrevrange: CommandDefinition = {
  ...SHARED,
  name: 'xrevrange',
  summary: 'Returns the entries between two ids, from the last one on',
  complexity:
    'O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).',
  arguments: [KEY, { name: 'end', type: 'string' }, { name: 'start', type: 'string' }, COUNT],
  run: (context) => run(context, true),
};
