/** LPOS: where in a list an element is: one index, or several with COUNT. */
import { ErrorReply, LPOS_RANK_ZERO, NOT_INTEGER, SYNTAX } from '../../protocol/errors.js';
import {
  INT64_MIN,
  INTEGER_BIG,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseIndex,
  parseInteger,
} from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isList, KEY, list } from './lib/values.js';

const COUNT_NEGATIVE = new ErrorReply("ERR COUNT can't be negative");
const LENGTH_NEGATIVE = new ErrorReply("ERR MAXLEN can't be negative");
const ALL = Number.POSITIVE_INFINITY;
const NO_COUNT = -1;

const parsed = new ParsedInteger();

class Options {
  /** The first match that counts, 1 or more, from the tail or the head. */
  rank = 1;
  fromTail = false;
  /** How many indexes are wished; NO_COUNT when a single one, not in an array. */
  count = NO_COUNT;
  /** How many elements are compared. */
  compared = ALL;
}

const options = new Options();

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!parseOptions(context)) return;
  const isSingle = options.count === NO_COUNT;
  if (!keys.seekForRead(args, 1)) {
    if (isSingle) reply.nullBulk();
    else reply.emptyArray();
    return;
  }
  if (!isList(context)) return;
  list.open(keys);
  list.lookFor(args.region, args.offset[2]!, args.length[2]!);
  const mark = reply.mark();
  const found = replyIndexes(context, isSingle ? 1 : options.count);
  if (!isSingle) reply.patchArray(mark, found);
  else if (found === 0) reply.nullBulk();
}

/** Writes the indexes, `most` of them. @returns how many */
function replyIndexes({ reply }: Context, most: number): number {
  const { fromTail, rank, compared } = options;
  let matched = 0;
  let written = 0;
  let more = list.seek(fromTail ? list.count - 1 : 0);
  for (let i = 0; more && i < compared && written < most; i++) {
    if (list.matches() && ++matched >= rank) {
      reply.integer(list.index);
      written++;
    }
    more = fromTail ? list.previous() : list.next();
  }
  return written;
}

/** Reads the arguments from 3 on. False: an error was answered. */
function parseOptions({ args, reply }: Context): boolean {
  options.rank = 1;
  options.fromTail = false;
  options.count = NO_COUNT;
  options.compared = ALL;
  let isRankLeast = false;
  for (let i = 3; i < args.count; i += 2) {
    const hasValue = i + 1 < args.count;
    if (hasValue && argumentIs(args, i, 'RANK')) {
      const type = parseInteger(args.region, args.offset[i + 1]!, args.length[i + 1]!, parsed);
      if (type === NOT_AN_INTEGER || parsed.value === 0) {
        reply.error(type === NOT_AN_INTEGER ? NOT_INTEGER : LPOS_RANK_ZERO);
        return false;
      }
      isRankLeast = type === INTEGER_BIG && parsed.big === INT64_MIN;
      options.rank = Math.abs(parsed.value);
      options.fromTail = parsed.value < 0;
    } else if (hasValue && (argumentIs(args, i, 'COUNT') || argumentIs(args, i, 'MAXLEN'))) {
      const isCount = argumentIs(args, i, 'COUNT');
      const value = parseIndex(args.region, args.offset[i + 1]!, args.length[i + 1]!);
      if (!(value >= 0)) {
        reply.error(isCount ? COUNT_NEGATIVE : LENGTH_NEGATIVE);
        return false;
      }
      if (isCount) options.count = value === 0 ? ALL : value;
      else options.compared = value === 0 ? ALL : value;
    } else {
      reply.error(SYNTAX);
      return false;
    }
  }
  if (isRankLeast) takeLeastRank();
  return true;
}

/** In Redis 7.0 the least integer, which has no positive counterpart, is below any rank. */
function takeLeastRank(): void {
  options.rank = 1;
  if (options.count !== NO_COUNT) options.count = ALL;
}

export const lpos: CommandDefinition = {
  name: 'lpos',
  summary: 'Tells at which indexes of a list an element is',
  since: '6.0.6',
  group: 'list',
  complexity:
    'O(N) where N is the number of elements in the list, for the average case. When searching for ' +
    'elements near the head or the tail of the list, or when the MAXLEN option is provided, the ' +
    'command may run in constant time.',
  arity: -3,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    KEY,
    { name: 'element', type: 'string' },
    { name: 'rank', type: 'integer', token: 'RANK', flags: ['optional'] },
    { name: 'num-matches', type: 'integer', token: 'COUNT', flags: ['optional'] },
    { name: 'len', type: 'integer', token: 'MAXLEN', flags: ['optional'] },
  ],
  run,
};
