/** Adding members to a sorted set, as ZADD, ZINCRBY and GEOADD do it. */
import { EVENT_ZADD, EVENT_ZINCR } from '../../../keyspace/events.js';
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
  for (let i = first; i < args.count; i += stride) {
    addOne(context, options, scoreAt(args, i), i + stride - 1);
    if (!outcome.isNan) continue;
    reply.error(SCORE_NAN);
    return;
  }
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
  if (!edit.find(args.region, args.offset[index]!, args.length[index]!)) {
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

function commit(context: Context, options: number, found: boolean): void {
  if (outcome.added + outcome.updated === 0) {
    edit.discard();
    return;
  }
  const { args, keys } = context;
  writeEdit(context, found);
  keys.commit((options & INCR) !== 0 ? EVENT_ZINCR : EVENT_ZADD, args);
}

function replyOutcome({ reply }: Context, options: number): void {
  const { added, updated, score, isProcessed } = outcome;
  if ((options & INCR) === 0) reply.integer((options & CH) !== 0 ? added + updated : added);
  else if (isProcessed) reply.double(score);
  else reply.nullBulk();
}
