/** What the commands on sorted sets share for reading: the set of a key, and replies made of members. */
import { WRONG_TYPE } from '../../../protocol/errors.js';
import type { Reply } from '../../../protocol/reply.js';
import { isSortedSetKind } from '../../../values/sorted-set/kinds.js';
import { RankRange } from '../../../values/sorted-set/range.js';
import { SortedSetReader } from '../../../values/sorted-set/reader.js';
import { USE_READ } from '../../../values/sorted-set/views.js';
import type { Context } from '../../contract/context.js';

/** The set that a command reads; one for each thread. */
export const reader = new SortedSetReader(USE_READ);
/** Ranks of the range that a command is about. */
export const ranks = new RankRange();

export const FOUND = 0;
export const ABSENT = 1;
export const ANSWERED = 2;

/** Whether the key found holds a sorted set; if not, the error is answered. */
export function isSortedSet({ keys, reply }: Context): boolean {
  if (isSortedSetKind(keys.kind)) return true;
  reply.error(WRONG_TYPE);
  return false;
}

/**
 * Attaches `reader` to the set of the key that is argument `index`.
 * @returns FOUND, ABSENT, or ANSWERED: it is of another type
 */
export function openReader(context: Context, index: number): number {
  const { args, keys } = context;
  if (!keys.seekForRead(args, index)) return ABSENT;
  if (!isSortedSet(context)) return ANSWERED;
  reader.attach(keys);
  return FOUND;
}

/** Looks argument `index` up in the set being read. */
export function findMember({ args }: Context, index: number): boolean {
  return reader.find(args.region, args.offset[index]!, args.length[index]!);
}

/** Begins an array of members, with their scores or without. */
export function replyMembersHeader(reply: Reply, count: number, withScores: boolean): void {
  reply.array(withScores && reply.protocol === 2 ? count * 2 : count);
}

/** One element of it: the member read. */
export function replyMember(reply: Reply, withScores: boolean): void {
  if (withScores && reply.protocol !== 2) reply.array(2);
  reply.bulk(reader.memberRegion, reader.memberOffset, reader.memberLength);
  if (withScores) reply.double(reader.score);
}

/**
 * Answers with members by rank, from one rank on.
 * @param reverse whether towards the first one
 */
export function replyRanks(
  reply: Reply,
  first: number,
  count: number,
  reverse: boolean,
  withScores: boolean,
): void {
  replyMembersHeader(reply, count, withScores);
  if (count === 0) return;
  reader.seekRank(first);
  replyMember(reply, withScores);
  for (let i = 1; i < count; i++) {
    if (reverse) reader.previous();
    else reader.next();
    replyMember(reply, withScores);
  }
}
