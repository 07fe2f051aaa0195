/** Removing the members with the lowest or highest scores, and answering with them. */
import { EVENT_ZPOPMAX, EVENT_ZPOPMIN } from '../../../keyspace/events.js';
import type { Context } from '../../contract/context.js';
import { removeRanks } from './remove-ranks.js';
import { ranks, reader } from './values.js';

/** Chooses up to `count` members of the set being read as `ranks`. @returns how many */
export function choosePopped(count: number, highest: boolean): number {
  const popped = Math.min(count, reader.count);
  ranks.first = highest ? reader.count - popped : 0;
  ranks.end = ranks.first + popped;
  return popped;
}

/** Answers with `ranks` of the set being read, one member and score after the other. */
export function replyPopped({ reply }: Context, highest: boolean, nested: boolean): void {
  const { count } = ranks;
  reader.seekRank(highest ? ranks.end - 1 : ranks.first);
  for (let left = count; left > 0; left--) {
    if (nested) reply.array(2);
    reply.bulk(reader.memberRegion, reader.memberOffset, reader.memberLength);
    reply.double(reader.score);
    if (left === 1) return;
    if (highest) reader.previous();
    else reader.next();
  }
}

/** Removes `ranks` of the key last sought, which has a sorted set. */
export function removePopped(context: Context, highest: boolean): void {
  removeRanks(context, highest ? EVENT_ZPOPMAX : EVENT_ZPOPMIN);
}
