/**
 * BITFIELD and BITFIELD_RO: a list of operations on fields of one value.
 *
 * The operations are read twice, by the same function: first all are validated (an error in the
 * last one means that none is done), then each is read again and done. So nothing need be kept
 * between the two, however many there are.
 */
import { EVENT_SETBIT } from '../../../keyspace/events.js';
import {
  BIT_OFFSET,
  BITFIELD_OVERFLOW,
  BITFIELD_TYPE,
  type ErrorReply,
  NOT_INTEGER,
  SYNTAX,
} from '../../../protocol/errors.js';
import {
  INT64_MAX,
  INTEGER_OK,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../../protocol/numbers.js';
import type { Arguments } from '../../../protocol/parser.js';
import { argumentIs } from '../../../protocol/text.js';
import {
  fitField,
  fitted,
  fitWideField,
  NUMBER_BITS_MAX,
  OVERFLOW_FAIL,
  OVERFLOW_SATURATE,
  OVERFLOW_WRAP,
  readField,
  readWideField,
  writeField,
  writeWideField,
} from '../../../values/string/bit-field.js';
import { STRING_RAW } from '../../../values/string/type.js';
import type { Context } from '../../contract/context.js';
import { isString } from '../../string/lib/values.js';
import { bitOffsetAt } from './offset.js';

const FIRST_OPERATION = 2;
const GET = 0;
const SET = 1;
const INCREMENT = 2;
const OVERFLOW = 3;
const LETTER_I = 0x69;
const LETTER_U = 0x75;
/** Added to numbers of at most this size, a field of 32 bits makes an exact sum. */
const EXACT_MAX = 2 ** 52;

/** The operation read last, and where the next one begins. */
class Operation {
  action = GET;
  next = 0;
  signed = false;
  bits = 0;
  // Starts as a fraction, so that the engine stores the field as a double from the beginning.
  bit = 0.5;
  readonly given = new ParsedInteger();
  /** Whether the value given fits a number: then it is in given.value, else in given.big. */
  small = true;
  /** What to do about overflows; stays until another OVERFLOW comes. */
  overflow = OVERFLOW_WRAP;
}

const operation = new Operation();
const width = new ParsedInteger();

/** Reads the operation at argument `index` into `operation`; returns what is wrong with it. */
function readOperation({ args, settings }: Context, index: number): ErrorReply | null {
  const following = args.count - index - 1;
  if (argumentIs(args, index, 'GET') && following >= 2) operation.action = GET;
  else if (argumentIs(args, index, 'SET') && following >= 3) operation.action = SET;
  else if (argumentIs(args, index, 'INCRBY') && following >= 3) operation.action = INCREMENT;
  else if (argumentIs(args, index, 'OVERFLOW') && following >= 1) {
    operation.action = OVERFLOW;
    operation.next = index + 2;
    return readOverflow(args, index + 1);
  } else return SYNTAX;
  if (!readType(args, index + 1)) return BITFIELD_TYPE;
  operation.bit = bitOffsetAt(args, index + 2, operation.bits, settings.stringBytesMax);
  if (operation.bit < 0) return BIT_OFFSET;
  operation.next = index + 3;
  return operation.action === GET ? null : readValue(args, index + 3);
}

function readOverflow(args: Arguments, index: number): ErrorReply | null {
  if (argumentIs(args, index, 'WRAP')) operation.overflow = OVERFLOW_WRAP;
  else if (argumentIs(args, index, 'SAT')) operation.overflow = OVERFLOW_SATURATE;
  else if (argumentIs(args, index, 'FAIL')) operation.overflow = OVERFLOW_FAIL;
  else return BITFIELD_OVERFLOW;
  return null;
}

/** i1 to i64, u1 to u63. */
function readType(args: Arguments, index: number): boolean {
  const { region } = args;
  const offset = args.offset[index]!;
  const letter = region.bytes[offset];
  if (args.length[index] === 0 || (letter !== LETTER_I && letter !== LETTER_U)) return false;
  operation.signed = letter === LETTER_I;
  if (parseInteger(region, offset + 1, args.length[index]! - 1, width) !== INTEGER_OK) return false;
  operation.bits = width.value;
  return operation.bits >= 1 && operation.bits <= (operation.signed ? 64 : 63);
}

function readValue(args: Arguments, index: number): ErrorReply | null {
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, operation.given);
  if (kind === NOT_AN_INTEGER) return NOT_INTEGER;
  operation.small = kind === INTEGER_OK;
  operation.next = index + 1;
  return null;
}

/** What validation finds out about the operations. */
class Plan {
  /** How many of them answer. */
  replies = 0;
  /** Bytes the value needs for all that is written, 0 when nothing is. */
  bytes = 0;
}

const plan = new Plan();

function validate(context: Context): ErrorReply | null {
  const { args } = context;
  plan.replies = 0;
  plan.bytes = 0;
  for (let i = FIRST_OPERATION; i < args.count; i = operation.next) {
    const error = readOperation(context, i);
    if (error !== null) return error;
    if (operation.action === OVERFLOW) continue;
    plan.replies++;
    if (operation.action === GET) continue;
    const end = operation.bit + operation.bits;
    plan.bytes = Math.max(plan.bytes, Math.ceil(end / 8));
  }
  return null;
}

/** The value the operations work on. */
class Target {
  offset = 0;
  length = 0;
  /** An edit of the value was begun: it had to grow, or an operation changed a field. */
  edited = false;
  /** The value had to grow for the fields that are written. */
  grown = false;
  /** A field was written. One that an overflow fails is not. */
  written = false;
}

const target = new Target();

/** Runs the command; `readOnly` is what to answer to a write, or null where those are welcome. */
export function runFields(context: Context, readOnly: ErrorReply | null): void {
  const { args, keys, reply } = context;
  let error = validate(context);
  if (error === null && plan.bytes > 0) error = readOnly;
  if (error !== null) {
    reply.error(error);
    return;
  }
  const found = plan.bytes === 0 ? keys.seekForRead(args, 1) : keys.seek(args, 1);
  if (found && !isString(context)) return;
  target.length = found ? keys.valueLength : 0;
  target.offset = keys.valueOffset;
  target.grown = plan.bytes > target.length;
  target.edited = target.grown;
  target.written = false;
  if (target.grown) {
    target.length = plan.bytes;
    target.offset = keys.beginEdit(STRING_RAW, plan.bytes, found);
  } else if (plan.bytes > 0 && keys.kind !== STRING_RAW) {
    keys.reencode(STRING_RAW);
  }
  reply.array(plan.replies);
  operation.overflow = OVERFLOW_WRAP;
  for (let i = FIRST_OPERATION; i < args.count; i = operation.next) {
    readOperation(context, i);
    if (operation.action === OVERFLOW) continue;
    if (operation.bits <= NUMBER_BITS_MAX) runNarrow(context);
    else runWide(context);
  }
  if (!target.edited) return;
  // As in Redis, a value that has grown counts as changed only when a field was written.
  if (target.written) keys.commit(EVENT_SETBIT, args);
  else keys.commitUnannounced(args);
}

/**
 * Whether the value is too large to compute with numbers. SET takes a negative one for an unsigned
 * field as the large one of the same 64 bits.
 */
function needsBigInt(): boolean {
  const value = operation.given.value;
  if (!operation.small || value > EXACT_MAX || value < -EXACT_MAX) return true;
  return value < 0 && operation.action === SET && !operation.signed;
}

/** One operation on a field of at most 32 bits. */
function runNarrow(context: Context): void {
  const { keys, reply } = context;
  const { action, bit, bits, signed } = operation;
  const old = readField(keys.region, target.offset, target.length, bit, bits, signed);
  if (action === GET) {
    reply.integer(old);
    return;
  }
  if (needsBigInt()) {
    runWide(context);
    return;
  }
  const wanted = action === SET ? operation.given.value : old + operation.given.value;
  const value = fitField(wanted, bits, signed, operation.overflow);
  if (fitted.overflowed && operation.overflow === OVERFLOW_FAIL) {
    reply.nullBulk();
    return;
  }
  if (value !== old || target.grown) {
    change(context);
    writeField(keys.region, target.offset, bit, bits, value);
  }
  reply.integer(action === SET ? old : value);
}

/**
 * SET's value for a signed field. Redis subtracts it from the field's greatest value in 64 bits; so
 * far below the range that wraps around, and the value counts as too great.
 */
function seenByRedis(value: bigint, bits: number): bigint {
  const most = (1n << BigInt(bits - 1)) - 1n;
  if (bits === 64 || most - value <= INT64_MAX) return value;
  return operation.overflow === OVERFLOW_SATURATE ? INT64_MAX : value;
}

/** One operation on a field of any width. */
function runWide(context: Context): void {
  const { keys, reply } = context;
  const { action, bit, bits, signed } = operation;
  const old = readWideField(keys.region, target.offset, target.length, bit, bits, signed);
  if (action === GET) {
    reply.bigInteger(old);
    return;
  }
  const given = operation.small ? BigInt(operation.given.value) : operation.given.big;
  const set = signed ? seenByRedis(given, bits) : BigInt.asUintN(64, given);
  const wanted = action === SET ? set : old + given;
  const value = fitWideField(wanted, bits, signed, operation.overflow);
  if (fitted.overflowed && operation.overflow === OVERFLOW_FAIL) {
    reply.nullBulk();
    return;
  }
  if (value !== old || target.grown) {
    change(context);
    writeWideField(keys.region, target.offset, bit, bits, value);
  }
  reply.bigInteger(action === SET ? old : value);
}

/** Before a field is written. */
function change({ keys }: Context): void {
  target.written = true;
  if (target.edited) return;
  keys.beginEdit(STRING_RAW, target.length, true);
  target.edited = true;
}
