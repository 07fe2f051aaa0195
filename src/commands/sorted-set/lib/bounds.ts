/** Ranges of scores and of members, as arguments. */
import { Region } from '../../../base/region.js';
import { parseRangeDouble } from '../../../protocol/doubles.js';
import { MIN_MAX_NOT_FLOAT, MIN_MAX_NOT_LEX } from '../../../protocol/errors.js';
import type { Arguments } from '../../../protocol/parser.js';
import {
  LEX_AFTER_ALL,
  LEX_BEFORE_ALL,
  LEX_EXCLUSIVE,
  LEX_INCLUSIVE,
  type LexEnd,
  LexRange,
  ScoreRange,
} from '../../../values/sorted-set/range.js';
import type { Context } from '../../contract/context.js';

/** The range of the command under way. */
export const scoreRange = new ScoreRange();
export const lexRange = new LexRange(new Region(new SharedArrayBuffer(8), 0));

const ROUND = 40;
const SQUARE = 91;
const MINUS = 45;
const PLUS = 43;

/** Whether an end of a range of scores begins with a parenthesis. */
function isExclusive(args: Arguments, index: number): boolean {
  return args.length[index]! > 0 && args.region.bytes[args.offset[index]!] === ROUND;
}

function scoreAt(args: Arguments, index: number, exclusive: boolean): number {
  const skipped = exclusive ? 1 : 0;
  return parseRangeDouble(
    args.region,
    args.offset[index]! + skipped,
    args.length[index]! - skipped,
  );
}

/** Reads a range of scores into `scoreRange`. False: the error is answered. */
export function parseScoreRange({ args, reply }: Context, min: number, max: number): boolean {
  scoreRange.minExclusive = isExclusive(args, min);
  scoreRange.maxExclusive = isExclusive(args, max);
  scoreRange.min = scoreAt(args, min, scoreRange.minExclusive);
  scoreRange.max = scoreAt(args, max, scoreRange.maxExclusive);
  if (!Number.isNaN(scoreRange.min) && !Number.isNaN(scoreRange.max)) return true;
  reply.error(MIN_MAX_NOT_FLOAT);
  return false;
}

/** Reads a range of members into `lexRange`. False: the error is answered. */
export function parseLexRange({ args, reply }: Context, min: number, max: number): boolean {
  if (parseLexEnd(args, min, lexRange.min) && parseLexEnd(args, max, lexRange.max)) return true;
  reply.error(MIN_MAX_NOT_LEX);
  return false;
}

function parseLexEnd({ region, offset, length }: Arguments, index: number, end: LexEnd): boolean {
  const at = offset[index]!;
  const bytes = length[index]!;
  if (bytes === 0) return false;
  const first = region.bytes[at];
  if (first === MINUS || first === PLUS) {
    // A NUL byte ends the text, as in Redis.
    if (bytes > 1 && region.bytes[at + 1] !== 0) return false;
    end.set(first === MINUS ? LEX_BEFORE_ALL : LEX_AFTER_ALL, region, at, 0);
    return true;
  }
  if (first !== ROUND && first !== SQUARE) return false;
  end.set(first === ROUND ? LEX_EXCLUSIVE : LEX_INCLUSIVE, region, at + 1, bytes - 1);
  return true;
}
