/** ZUNION, ZINTER, ZDIFF and their STORE forms as commands: arguments, answer, storing. */
import type { KeyspaceEvent } from '../../../keyspace/events.js';
import { parseDouble } from '../../../protocol/doubles.js';
import {
  ErrorReply,
  LIMIT_NEGATIVE,
  NOT_INTEGER,
  noInputKey,
  SYNTAX,
  WEIGHT_NOT_FLOAT,
} from '../../../protocol/errors.js';
import { parseIndex } from '../../../protocol/numbers.js';
import { argumentIs } from '../../../protocol/text.js';
import { MEMBERS_MAX } from '../../../values/sorted-set/accumulator.js';
import type { Context } from '../../contract/context.js';
import {
  collectDifference,
  collectIntersection,
  collectUnion,
  countIntersection,
  MAX,
  MIN,
  result,
  SUM,
  sources,
} from './combine.js';
import { replyMembersHeader } from './values.js';
import { createEdit, edit, refuse, storeResult } from './write.js';

export const UNION = 0;
export const INTERSECTION = 1;
export const DIFFERENCE = 2;

const TOO_MANY_MEMBERS = new ErrorReply(
  `ERR the sources of a union may have ${MEMBERS_MAX} members`,
);

/** A command that combines sets. */
export interface CombineCommand {
  readonly name: string;
  readonly operation: number;
  /** Where the number of keys stands; the keys follow. */
  readonly keyCountIndex: number;
  /** ZINTERCARD: only the number of members is asked. */
  readonly counts: boolean;
}

/** The options of the command under way. */
const options = { aggregate: SUM, withScores: false, limit: 0 };

/** Finds the sources and reads the options. False: an error was answered. */
function parse(context: Context, command: CombineCommand): boolean {
  const { args, reply } = context;
  const { keyCountIndex: at } = command;
  const count = parseIndex(args.region, args.offset[at]!, args.length[at]!);
  if (Number.isNaN(count)) reply.error(NOT_INTEGER);
  else if (count < 1) reply.error(noInputKey(command.name));
  else if (count > args.count - (at + 1)) reply.error(SYNTAX);
  else if (sources.load(context, at + 1, count)) {
    return parseOptions(context, command, at + 1 + count) && checkSizes(context, command);
  }
  return false;
}

/** One set has fewer members than are too many, as it lies in one shard: a union may have more. */
function checkSizes({ reply }: Context, { operation }: CombineCommand): boolean {
  if (operation !== UNION || sources.totalSize() <= MEMBERS_MAX) return true;
  reply.error(TOO_MANY_MEMBERS);
  return false;
}

function parseOptions(context: Context, command: CombineCommand, first: number): boolean {
  const { args, reply } = context;
  const { operation, counts } = command;
  const isWeighted = operation !== DIFFERENCE && !counts;
  const stores = command.keyCountIndex > 1;
  options.aggregate = SUM;
  options.withScores = false;
  options.limit = 0;
  for (let i = first; i < args.count; i++) {
    const left = args.count - i;
    if (isWeighted && left > sources.count && argumentIs(args, i, 'WEIGHTS')) {
      if (!parseWeights(context, i + 1)) return false;
      i += sources.count;
    } else if (isWeighted && left >= 2 && argumentIs(args, i, 'AGGREGATE')) {
      if (!parseAggregate(context, ++i)) return false;
    } else if (!stores && !counts && argumentIs(args, i, 'WITHSCORES')) {
      options.withScores = true;
    } else if (counts && left >= 2 && argumentIs(args, i, 'LIMIT')) {
      if (!parseLimit(context, ++i)) return false;
    } else {
      reply.error(SYNTAX);
      return false;
    }
  }
  return true;
}

function parseWeights({ args, reply }: Context, first: number): boolean {
  for (let i = 0; i < sources.count; i++) {
    const weight = parseDouble(args.region, args.offset[first + i]!, args.length[first + i]!);
    if (Number.isNaN(weight)) {
      reply.error(WEIGHT_NOT_FLOAT);
      return false;
    }
    sources.setWeight(i, weight);
  }
  return true;
}

function parseAggregate({ args, reply }: Context, index: number): boolean {
  if (argumentIs(args, index, 'SUM')) options.aggregate = SUM;
  else if (argumentIs(args, index, 'MIN')) options.aggregate = MIN;
  else if (argumentIs(args, index, 'MAX')) options.aggregate = MAX;
  else {
    reply.error(SYNTAX);
    return false;
  }
  return true;
}

function parseLimit({ args, reply }: Context, index: number): boolean {
  options.limit = parseIndex(args.region, args.offset[index]!, args.length[index]!);
  if (options.limit >= 0) return true;
  reply.error(LIMIT_NEGATIVE);
  return false;
}

function collect({ keys }: Context, operation: number): void {
  const { hashKey0, hashKey1 } = keys.space;
  if (operation === UNION) collectUnion(options.aggregate, hashKey0, hashKey1);
  else if (operation === INTERSECTION) collectIntersection(options.aggregate);
  else collectDifference();
  result.sort();
}

/** ZUNION, ZINTER, ZDIFF. */
export function replyCombined(context: Context, command: CombineCommand): void {
  if (!parse(context, command)) return;
  const { reply } = context;
  const { withScores } = options;
  collect(context, command.operation);
  const { count } = result;
  replyMembersHeader(reply, count, withScores);
  for (let rank = 0; rank < count; rank++) {
    result.read(rank);
    if (withScores && reply.protocol !== 2) reply.array(2);
    reply.bulk(result.memberRegion, result.memberOffset, result.memberLength);
    if (withScores) reply.double(result.score);
  }
  result.release();
}

/** ZINTERCARD. */
export function replyCount(context: Context, command: CombineCommand): void {
  if (parse(context, command)) context.reply.integer(countIntersection(options.limit));
}

/** ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE. The result is made before anything is replaced. */
export function storeCombined(
  context: Context,
  command: CombineCommand,
  event: KeyspaceEvent,
): void {
  if (!parse(context, command)) return;
  const { args, keys, reply } = context;
  collect(context, command.operation);
  keys.seek(args, 1);
  storeCollected(context, event);
  reply.integer(edit.count);
}

/** Stores what `result` has collected under the key last sought. @throws StoreFullError */
export function storeCollected(context: Context, event: KeyspaceEvent): void {
  const { count, longestBytes } = result;
  createEdit(context);
  edit.expect(count, longestBytes);
  for (let rank = 0; rank < count; rank++) {
    result.read(rank);
    const { score, memberRegion, memberOffset, memberLength } = result;
    if (!edit.append(score, memberRegion, memberOffset, memberLength)) refuse(context);
  }
  storeResult(context, event);
  result.release();
}
