/**
 * Removing members by rank: pops, and ranges by rank and by member. What is at a rank is nothing that
 * could be said of a part of the set, which is what a replica has in the middle of a full sync. So the
 * effect names the members, unless they are many.
 */
import type { KeyspaceEvent } from '../../../keyspace/events.js';
import { Accumulator } from '../../../values/sorted-set/accumulator.js';
import type { Context } from '../../contract/context.js';
import { ranks, reader } from './values.js';
import { edit, openEdit, removeIfEmpty, writeEdit } from './write.js';

/** Beyond, the effect is the range of ranks: a replica in the middle begins the set again. */
const NAMED_MEMBERS_MAX = 1024;

const removed = new Accumulator();

/** Removes `ranks`, which are some, of the set being read: that of the key last sought. */
export function removeRanks(context: Context, event: KeyspaceEvent): void {
  const { keys } = context;
  const { first, count } = ranks;
  const isNamed = count <= NAMED_MEMBERS_MAX && keys.effects.active;
  if (isNamed) keepNames();
  openEdit(context, true, true);
  edit.removeRanks(first, count);
  writeEdit(context, true);
  if (isNamed) emitNames(context, event);
  else {
    const effect = keys.custom(event, 'ZREMRANGEBYRANK');
    if (keys.effects.active)
      effect
        .word(`${first}`)
        .word(`${first + count - 1}`)
        .end();
  }
  removeIfEmpty(context);
}

/** Keeps the names of the members until they are removed. */
function keepNames(): void {
  removed.begin([], false, 0, 0);
  reader.seekRank(ranks.first);
  for (let left = ranks.count; left > 0; left--) {
    const { score, memberRegion, memberOffset, memberLength } = reader;
    removed.append(score, 0, memberRegion, memberOffset, memberLength);
    reader.next();
  }
  removed.keepOrder();
}

function emitNames({ keys }: Context, event: KeyspaceEvent): void {
  const effect = keys.custom(event, 'ZREM');
  for (let i = 0; i < removed.count; i++) {
    removed.read(i);
    effect.bytes(removed.memberRegion, removed.memberOffset, removed.memberLength);
  }
  effect.end();
  removed.release();
}
