/**
 * SDIFF and SDIFFSTORE: the members of a set that others do not have, by one of two algorithms:
 *
 *     probing       the first set's members are looked up in all others: O(size of the first * sets)
 *     subtracting   the first set is copied, the others' members are removed: O(size of all)
 *
 * The choice is Redis's: it shows in the encoding of what is stored.
 */

import { EVENT_SDIFFSTORE } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { READS_SETS, STORES_SET } from './lib/algebra-definition.js';
import {
  addFiltered,
  addSource,
  beginResult,
  replyFiltered,
  replyResult,
  storeNothing,
  storeResult,
  subtractSource,
} from './lib/combine.js';
import { builder } from './lib/edit.js';
import { filtered } from './lib/filter.js';
import { sources } from './lib/sources.js';

const COMPLEXITY = 'O(N) where N is the total number of elements in all given sets.';

/** Whether nothing can be left: there is no first set, or it is one of the others. */
function isEmpty(): boolean {
  if (sources.firstIsMissing) return true;
  for (let rank = 1; rank < sources.count; rank++) if (sources.isSame(rank, 0)) return true;
  return false;
}

function isProbing(): boolean {
  const first = sources.sizeAt(0);
  let all = 0;
  for (let rank = 0; rank < sources.count; rank++) all += sources.sizeAt(rank);
  return Math.floor((first * sources.count) / 2) <= all;
}

function subtract(context: Context, shard: number): void {
  beginResult(context, shard);
  addSource(context, 0, shard);
  for (let rank = 1; rank < sources.count && builder.value.size > 0; rank++) {
    subtractSource(context, rank);
  }
  builder.tidy();
}

function runDifference(context: Context): void {
  const { args, reply } = context;
  if (!sources.load(context, 1, args.count)) return;
  if (isEmpty()) {
    reply.set(0);
  } else if (isProbing()) {
    filtered.beginDifference(context);
    replyFiltered(context);
  } else {
    subtract(context, sources.shardAt(0));
    replyResult(context);
  }
}

function runStore(context: Context): void {
  const { args, keys } = context;
  if (!sources.load(context, 2, args.count)) return;
  if (isEmpty()) {
    storeNothing(context);
    return;
  }
  const shard = keys.shardOfArgument(args, 1);
  if (isProbing()) {
    beginResult(context, shard);
    filtered.beginDifference(context);
    addFiltered(context, shard);
  } else {
    subtract(context, shard);
  }
  storeResult(context, EVENT_SDIFFSTORE);
}

export const sdiff: CommandDefinition = {
  ...READS_SETS,
  name: 'sdiff',
  summary: 'Returns the members of a set that no other of several has',
  complexity: COMPLEXITY,
  run: runDifference,
};

export const sdiffstore: CommandDefinition = {
  ...STORES_SET,
  name: 'sdiffstore',
  summary: 'Stores the members of a set that no other of several has',
  complexity: COMPLEXITY,
  run: runStore,
};
