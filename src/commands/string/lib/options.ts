/**
 * The options of SET and GETEX, and the times that they, SETEX and PSETEX are given.
 *
 * NX and XX exclude each other, and so do the ways to say when the key expires (EX, PX, EXAT, PXAT,
 * KEEPTTL, PERSIST); any option may come twice, and then its last time counts.
 */
import { expiryOf, TIME_MAX } from '../../../base/expiry-time.js';
import { type ErrorReply, NOT_INTEGER } from '../../../protocol/errors.js';
import {
  INTEGER_OK,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../../protocol/numbers.js';
import type { Arguments } from '../../../protocol/parser.js';
import { argumentIs } from '../../../protocol/text.js';
import type { Context } from '../../contract/context.js';

export const OPTION_NX = 1;
export const OPTION_XX = 2;
export const OPTION_GET = 4;
export const OPTION_KEEPTTL = 8;
export const OPTION_PERSIST = 16;
export const OPTION_EX = 32;
export const OPTION_PX = 64;
export const OPTION_EXAT = 128;
export const OPTION_PXAT = 256;
/** The options that are followed by a time. */
export const OPTIONS_TIMED = OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_PXAT;
const OPTIONS_ENDING = OPTIONS_TIMED | OPTION_KEEPTTL | OPTION_PERSIST;

const parsed = new ParsedInteger();

class ParsedOptions {
  /** The options given, as bits. */
  given = 0;
  /** The argument with the time, when one of OPTIONS_TIMED is given. */
  timeIndex = 0;
}

/** The result of the last `parseOptions`. */
export const options = new ParsedOptions();

function optionAt(args: Arguments, index: number): number {
  switch (args.length[index]) {
    case 2:
      if (argumentIs(args, index, 'EX')) return OPTION_EX;
      if (argumentIs(args, index, 'PX')) return OPTION_PX;
      if (argumentIs(args, index, 'NX')) return OPTION_NX;
      return argumentIs(args, index, 'XX') ? OPTION_XX : 0;
    case 3:
      return argumentIs(args, index, 'GET') ? OPTION_GET : 0;
    case 4:
      if (argumentIs(args, index, 'PXAT')) return OPTION_PXAT;
      return argumentIs(args, index, 'EXAT') ? OPTION_EXAT : 0;
    case 7:
      if (argumentIs(args, index, 'KEEPTTL')) return OPTION_KEEPTTL;
      return argumentIs(args, index, 'PERSIST') ? OPTION_PERSIST : 0;
    default:
      return 0;
  }
}

function excludedBy(option: number): number {
  if (option === OPTION_NX) return OPTION_XX;
  if (option === OPTION_XX) return OPTION_NX;
  return option === OPTION_GET ? 0 : OPTIONS_ENDING & ~option;
}

/**
 * Reads the options from argument `first` on into `options`.
 *
 * @param allowed the options this command knows
 * @returns false for a syntax error
 */
export function parseOptions(args: Arguments, first: number, allowed: number): boolean {
  let given = 0;
  for (let index = first; index < args.count; index++) {
    const option = optionAt(args, index) & allowed;
    if (option === 0 || (given & excludedBy(option)) !== 0) return false;
    if ((option & OPTIONS_TIMED) !== 0) {
      index++;
      if (index === args.count) return false;
      options.timeIndex = index;
    }
    given |= option;
  }
  options.given = given;
  return true;
}

/** The time that `options` give. @returns as `timeAt` */
export function optionTime(context: Context, invalid: ErrorReply): number {
  const { given, timeIndex } = options;
  const unitMs = (given & (OPTION_EX | OPTION_EXAT)) !== 0 ? 1000 : 1;
  const relative = (given & (OPTION_EX | OPTION_PX)) !== 0;
  return timeAt(context, timeIndex, unitMs, relative, invalid);
}

/**
 * Argument `index` as the time when a key expires.
 *
 * @returns as base/expiry-time.ts has it, or 0 when an error was answered
 */
export function timeAt(
  context: Context,
  index: number,
  unitMs: number,
  relative: boolean,
  invalid: ErrorReply,
): number {
  const { args } = context;
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed);
  if (kind === NOT_AN_INTEGER) {
    context.reply.error(NOT_INTEGER);
    return 0;
  }
  const origin = relative ? context.now : 0;
  const near = parsed.value * unitMs + origin;
  if (parsed.value > 0) {
    if (kind === INTEGER_OK && near <= Number.MAX_SAFE_INTEGER) return near;
    const given = kind === INTEGER_OK ? BigInt(parsed.value) : parsed.big;
    const time = given * BigInt(unitMs) + BigInt(origin);
    if (time <= TIME_MAX) return expiryOf(time);
  }
  context.reply.error(invalid);
  return 0;
}
