/** Adding members to a sorted set, as ZADD, ZINCRBY and GEOADD do it. */
import { toBinary } from '../../../base/region.js';
import { EVENT_ZADD, EVENT_ZINCR, type KeyspaceEvent } from '../../../keyspace/events.js';
import { parseDouble } from '../../../protocol/doubles.js';
import { SCORE_NAN } from '../../../protocol/errors.js';
import type { Arguments } from '../../../protocol/parser.js';
import type { Context } from '../../contract/context.js';
import { edit, openEdit, refuse, writeEdit } from './write.js';

export const NX = 1;
export const XX = 2;
export const GT = 4;
export const LT = 8;
export const CH = 16;
export const INCR = 32;

/** What became of a command's members. */
const outcome = {
  added: 0,
  updated: 0,
  /** The argument at which the members begin. */
  first: 0,
  /** Behind the last argument whose score of -0 became 0. All such scores before it did. */
  droppedUntil: 0,
  /** Score of the last member, and whether it was added or has it now. */
  score: Number.NaN,
  isProcessed: false,
  isNan: false,
};

/** Where the members of a command are, and how its scores are read. */
export interface Addition {
  /** Arguments of each member; the member is the last. */
  readonly stride: number;
  /** The score of the member whose arguments begin here. They are valid. */
  readonly scoreAt: (args: Arguments, index: number) => number;
}

/** Adds the members whose arguments begin at `first`, and answers. The scores are valid. */
export function addMembers(
  context: Context,
  { stride, scoreAt }: Addition,
  options: number,
  first: number,
): void {
  const { args, keys, reply } = context;
  const found = keys.seek(args, 1);
  const members = (args.count - first) / stride;
  if (!openEdit(context, found, members === 1)) return;
  const last = first + stride - 1;
  if (members > 1 && !edit.prepareSeveral(members, memberBytes(args, last, stride))) {
    refuse(context);
  }
  outcome.added = 0;
  outcome.updated = 0;
  outcome.droppedUntil = 0;
  for (let i = first; i < args.count; i += stride) {
    addOne(context, options, scoreAt(args, i), i + stride - 1);
    if (edit.hasDroppedSign) noteDroppedSign(i + stride);
    if (!outcome.isNan) continue;
    reply.error(SCORE_NAN);
    return;
  }
  outcome.first = first;
  commit(context, options, found);
  replyOutcome(context, options);
}

function memberBytes(args: Arguments, first: number, stride: number): number {
  let bytes = 0;
  for (let i = first; i < args.count; i += stride) bytes += args.length[i]!;
  return bytes;
}

/** Adds or updates the member that is argument `index`, as the options say. */
function addOne(context: Context, options: number, given: number, index: number): void {
  const { args } = context;
  outcome.isProcessed = false;
  outcome.isNan = false;
  if (!edit.findFor(given, args.region, args.offset[index]!, args.length[index]!)) {
    if ((options & XX) !== 0) return;
    if (!edit.add(given)) refuse(context);
    outcome.score = given;
    outcome.isProcessed = true;
    outcome.added++;
    return;
  }
  if ((options & NX) !== 0) return;
  const before = edit.score;
  const score = (options & INCR) !== 0 ? before + given : given;
  outcome.isNan = Number.isNaN(score);
  if (outcome.isNan) return;
  if ((options & LT) !== 0 && score >= before) return;
  if ((options & GT) !== 0 && score <= before) return;
  outcome.score = score;
  outcome.isProcessed = true;
  if (score === before) return;
  if (!edit.update(score)) refuse(context);
  outcome.updated++;
}

function noteDroppedSign(end: number): void {
  edit.hasDroppedSign = false;
  outcome.droppedUntil = end;
}

function commit(context: Context, options: number, found: boolean): void {
  if (outcome.added + outcome.updated === 0) {
    edit.discard();
    return;
  }
  const { args, keys } = context;
  const event = (options & INCR) !== 0 ? EVENT_ZINCR : EVENT_ZADD;
  writeEdit(context, found);
  if (outcome.droppedUntil === 0) keys.commit(event, args);
  else commitWithoutSigns(context, event);
}

/**
 * The effect has the scores that were stored: -0 in a listpack became 0. Who applies it cannot know what
 * the set was here. Only ZADD and ZINCRBY are given such scores: the first argument of each pair.
 */
function commitWithoutSigns({ args, keys }: Context, event: KeyspaceEvent): void {
  const { region, offset, length } = args;
  const { first, droppedUntil } = outcome;
  const effect = keys.custom(event, toBinary(region, offset[0]!, length[0]!).toUpperCase());
  for (let i = 2; i < args.count; i++) {
    const isScore = i >= first && i < droppedUntil && (i - first) % 2 === 0;
    if (isScore && Object.is(parseDouble(region, offset[i]!, length[i]!), -0)) effect.word('0');
    else effect.argument(args, i);
  }
  effect.end();
}

function replyOutcome({ reply }: Context, options: number): void {
  const { added, updated, score, isProcessed } = outcome;
  if ((options & INCR) === 0) reply.integer((options & CH) !== 0 ? added + updated : added);
  else if (isProcessed) reply.double(score);
  else reply.nullBulk();
}
