/**
 * Sets made of others: SINTER, SUNION, SDIFF, each as a reply or stored. What is stored is built aside
 * first, in the shard of its key, so that a destination may be a source and a full shard changes
 * nothing. So is a union that is only answered, in the shard of its first source: each member must
 * come once.
 *
 * A result is told as an intset in the cases in which Redis makes it one: it begins as integers, and
 * members come in the same order as in Redis.
 */
import { copyBytes } from '../../../base/region.js';
import { EVENT_DEL, type KeyspaceEvent } from '../../../keyspace/events.js';
import { FULL } from '../../../values/set/edit.js';
import { setTables } from '../../../values/set/tables.js';
import type { Context } from '../../contract/context.js';
import { builder } from './edit.js';
import { filtered } from './filter.js';
import { sources } from './sources.js';
import { member, place, replyMember, replyMembers, walk } from './values.js';

/** Begins a result in a shard. */
export function beginResult({ keys, settings }: Context, shard: number): void {
  builder.begin(setTables.of(keys.shards.spaces[shard]!), settings.setIntsetEntriesMax);
}

/** @throws StoreFullError */
function add({ keys }: Context, shard: number): void {
  if (builder.add(member) === FULL) throw keys.full(shard);
}

/** Adds what passes the filter to the result. @throws StoreFullError */
export function addFiltered(context: Context, shard: number): void {
  while (filtered.step(member)) add(context, shard);
}

/** Adds all members of a source to the result. @throws StoreFullError */
export function addSource(context: Context, rank: number, shard: number): void {
  sources.open(context, rank, place);
  walk.begin(place);
  while (walk.step(member)) add(context, shard);
}

/** Takes all members of a source out of the result. */
export function subtractSource(context: Context, rank: number): void {
  sources.open(context, rank, place);
  walk.begin(place);
  while (walk.step(member)) builder.remove(member);
}

/** Answers with what passes the filter. */
export function replyFiltered({ reply }: Context): void {
  const mark = reply.mark();
  let count = 0;
  for (; filtered.step(member); count++) replyMember(reply, member);
  reply.patchSet(mark, count);
}

/** Answers with the result, which is given up. */
export function replyResult({ reply }: Context): void {
  try {
    reply.set(builder.value.size);
    replyMembers(reply, builder.value);
  } finally {
    builder.abandon();
  }
}

/** Makes the result the value of argument 1, and answers with its size. @throws StoreFullError */
export function storeResult(context: Context, event: KeyspaceEvent): void {
  const { args, keys, reply } = context;
  const { kind, region, length, size } = builder.value;
  if (size === 0) {
    builder.abandon();
    storeNothing(context);
    return;
  }
  try {
    keys.seek(args, 1);
    const at = keys.beginStore(kind, length, 0);
    copyBytes(keys.region, at, region, 0, length);
  } catch (error) {
    builder.abandon();
    throw error;
  }
  keys.commitValue(event);
  reply.integer(size);
}

/** Removes argument 1, as the result is empty. */
export function storeNothing({ args, keys, reply }: Context): void {
  if (keys.seek(args, 1)) keys.remove(EVENT_DEL);
  reply.integer(0);
}
