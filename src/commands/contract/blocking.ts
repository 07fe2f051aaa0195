/** What the commands share that block until a key has something: their timeout, and the wait itself. */
import type { ArgumentVector } from '../../base/arguments.js';
import { type Region, toBinary } from '../../base/region.js';
import { type ErrorReply, TIMEOUT_NEGATIVE, TIMEOUT_NOT_FLOAT } from '../../protocol/errors.js';
import {
  isFiniteLongDouble,
  type LongDouble,
  parseLongDouble,
} from '../../protocol/long-double.js';
import { INT64_MAX } from '../../protocol/numbers.js';
import { BlockRequest, type Context } from './context.js';
import type { ArgumentSpecification } from './definition.js';

export const TIMEOUT: ArgumentSpecification = { name: 'timeout', type: 'double' };
export const TIMEOUT_HISTORY = [
  ['6.0.0', '`timeout` may have a fraction.'],
] as const satisfies readonly (readonly [string, string])[];

/** No clock gets there: such a wait has no end. */
const FOR_EVER_MS = 2 ** 52;
/** A longer text is no number. */
const TEXT_BYTES_MAX = 5 * 1024;
const MILLISECONDS = 1000n;

const request = new BlockRequest();

/** A number of seconds: milliseconds rounded up, or the error that Redis answers. */
function parseTimeout(region: Region, offset: number, length: number): number | ErrorReply {
  const seconds =
    length > TEXT_BYTES_MAX ? null : parseLongDouble(toBinary(region, offset, length));
  if (seconds === null) return TIMEOUT_NOT_FLOAT;
  // Redis converts what is too large for 64 bits to the lowest number.
  if (!isFiniteLongDouble(seconds)) return TIMEOUT_NEGATIVE;
  const milliseconds = millisecondsOf(seconds);
  if (milliseconds < 0n || milliseconds > INT64_MAX) return TIMEOUT_NEGATIVE;
  return milliseconds > FOR_EVER_MS ? 0 : Number(milliseconds);
}

function millisecondsOf({ mantissa, exponent }: LongDouble): bigint {
  const scaled = mantissa * MILLISECONDS;
  if (exponent >= 0) return scaled << BigInt(exponent);
  // The shift of a negative number rounds down.
  return -(-scaled >> BigInt(-exponent));
}

/** Argument `index` as a timeout in milliseconds, -1 when an error was answered. */
export function timeoutAt({ args, reply }: Context, index: number): number {
  const timeout = parseTimeout(args.region, args.offset[index]!, args.length[index]!);
  if (typeof timeout === 'number') return timeout;
  reply.error(timeout);
  return -1;
}

/**
 * Waits for the arguments `[firstKey, endKey)`.
 * @param countIndex argument with their number, 0 without one
 */
export function waitFor(
  context: Context,
  firstKey: number,
  endKey: number,
  countIndex: number,
  timeoutMs: number,
): void {
  aimRequest(firstKey, endKey, timeoutMs);
  request.countIndex = countIndex;
  context.block(request);
}

function aimRequest(firstKey: number, endKey: number, timeoutMs: number): void {
  request.firstKey = firstKey;
  request.endKey = endKey;
  request.countIndex = 0;
  request.paired = 0;
  request.args = null;
  request.timeoutMs = timeoutMs;
}

/** None of these keys is there: waits for them, or answers null where a command may not wait. */
export function waitOrNull(
  context: Context,
  firstKey: number,
  endKey: number,
  countIndex: number,
  timeoutMs: number,
): void {
  if (context.inTransaction) context.reply.nullArray();
  else waitFor(context, firstKey, endKey, countIndex, timeoutMs);
}

/**
 * Waits for the arguments `[firstKey, endKey)`, each of which has an argument of its own `paired`
 * places behind it.
 * @param args what to run later, with the same places
 */
export function waitForPairs(
  context: Context,
  args: ArgumentVector,
  firstKey: number,
  endKey: number,
  timeoutMs: number,
): void {
  aimRequest(firstKey, endKey, timeoutMs);
  request.paired = endKey - firstKey;
  request.args = args;
  context.block(request);
}
