/**
 * The options of the commands of the ZRANGE family, and the range that they choose, as ranks.
 *
 *   ZRANGE, ZRANGESTORE           BYSCORE, BYLEX, REV and LIMIT choose
 *   the others                    their names say by what and in which direction
 */
import { ErrorReply, NOT_INTEGER, SYNTAX } from '../../../protocol/errors.js';
import { parseIndex } from '../../../protocol/numbers.js';
import { argumentIs } from '../../../protocol/text.js';
import type { Context } from '../../contract/context.js';
import { lexRange, parseLexRange, parseScoreRange, scoreRange } from './bounds.js';
import { ranks, reader } from './values.js';

export const BY_RANK = 0;
export const BY_SCORE = 1;
export const BY_LEX = 2;
/** The command's options say it; by rank if they do not. */
export const BY_OPTION = 3;

const LIMIT_BY_RANK = new ErrorReply(
  'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
);
const SCORES_BY_LEX = new ErrorReply(
  'ERR syntax error, WITHSCORES not supported in combination with BYLEX',
);

/** The options of the command under way. */
export const options = {
  by: BY_RANK,
  reverse: false,
  withScores: false,
  offset: 0,
  limit: -1,
  /** Ends of a range by rank, as they were given. */
  start: 0,
  stop: 0,
};

/** A command of the family. */
export interface RangeCommand {
  readonly by: number;
  readonly reverse: boolean;
  /** Argument of the key that is read; the ends of the range follow. */
  readonly source: number;
  /** Whether the result is stored: then WITHSCORES is no option. */
  readonly stores: boolean;
}

/** Reads the options of a command into `options`. False: the error is answered. */
export function parseRangeOptions(context: Context, command: RangeCommand): boolean {
  options.by = command.by;
  options.reverse = command.reverse;
  options.withScores = false;
  options.offset = 0;
  options.limit = -1;
  return parseWords(context, command) && checkWords(context) && parseEnds(context, command.source);
}

function parseWords(context: Context, command: RangeCommand): boolean {
  const { args, reply } = context;
  const isFree = command.by === BY_OPTION;
  for (let i = command.source + 3; i < args.count; i++) {
    if (!command.stores && argumentIs(args, i, 'WITHSCORES')) options.withScores = true;
    else if (i + 2 < args.count && argumentIs(args, i, 'LIMIT')) {
      if (!parseLimit(context, i + 1)) return false;
      i += 2;
    } else if (isFree && argumentIs(args, i, 'REV') && !options.reverse) options.reverse = true;
    else if (options.by === BY_OPTION && argumentIs(args, i, 'BYLEX')) options.by = BY_LEX;
    else if (options.by === BY_OPTION && argumentIs(args, i, 'BYSCORE')) options.by = BY_SCORE;
    else {
      reply.error(SYNTAX);
      return false;
    }
  }
  if (options.by === BY_OPTION) options.by = BY_RANK;
  return true;
}

function parseLimit(context: Context, index: number): boolean {
  options.offset = integerAt(context, index);
  options.limit = integerAt(context, index + 1);
  if (!Number.isNaN(options.offset) && !Number.isNaN(options.limit)) return true;
  context.reply.error(NOT_INTEGER);
  return false;
}

function integerAt({ args }: Context, index: number): number {
  return parseIndex(args.region, args.offset[index]!, args.length[index]!);
}

function checkWords({ reply }: Context): boolean {
  if (options.limit !== -1 && options.by === BY_RANK) {
    reply.error(LIMIT_BY_RANK);
    return false;
  }
  if (!options.withScores || options.by !== BY_LEX) return true;
  reply.error(SCORES_BY_LEX);
  return false;
}

function parseEnds(context: Context, source: number): boolean {
  const min = options.reverse ? source + 2 : source + 1;
  const max = options.reverse ? source + 1 : source + 2;
  if (options.by === BY_SCORE) return parseScoreRange(context, min, max);
  if (options.by === BY_LEX) return parseLexRange(context, min, max);
  options.start = integerAt(context, source + 1);
  options.stop = integerAt(context, source + 2);
  if (!Number.isNaN(options.start) && !Number.isNaN(options.stop)) return true;
  context.reply.error(NOT_INTEGER);
  return false;
}

/** Makes `ranks` the range of the set being read that `options` choose; `reverse` counts back. */
export function resolveRange(): void {
  if (options.by === BY_RANK) {
    resolveRanks(options.start, options.stop, options.reverse);
    return;
  }
  if (options.by === BY_SCORE) reader.ranksOfScores(scoreRange, ranks);
  else reader.ranksOfMembers(lexRange, options.reverse, ranks);
  applyLimit();
}

/** Negative ranks count from the end. */
export function resolveRanks(start: number, stop: number, reverse: boolean): void {
  const { count } = reader;
  const first = Math.max(0, start < 0 ? start + count : start);
  const end = Math.min(count, (stop < 0 ? stop + count : stop) + 1);
  ranks.first = reverse ? count - end : first;
  ranks.end = reverse ? count - first : end;
}

function applyLimit(): void {
  const { offset, limit, reverse } = options;
  const { count } = ranks;
  const skipped = offset < 0 ? count : Math.min(offset, count);
  const left = count - skipped;
  const taken = limit < 0 ? left : Math.min(limit, left);
  if (reverse) {
    ranks.end -= skipped;
    ranks.first = ranks.end - taken;
  } else {
    ranks.first += skipped;
    ranks.end = ranks.first + taken;
  }
}
