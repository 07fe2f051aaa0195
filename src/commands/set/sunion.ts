/** SUNION and SUNIONSTORE: all members of several sets. */

import { EVENT_SUNIONSTORE } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { READS_SETS, STORES_SET } from './lib/algebra-definition.js';
import { addSource, beginResult, replyResult, storeResult } from './lib/combine.js';
import { sources } from './lib/sources.js';
import { place, replyMembers } from './lib/values.js';

const COMPLEXITY = 'O(N) where N is the total number of elements in all given sets.';

function unite(context: Context, shard: number): void {
  beginResult(context, shard);
  for (let rank = 0; rank < sources.count; rank++) addSource(context, rank, shard);
}

function runUnion(context: Context): void {
  const { args, reply } = context;
  if (!sources.load(context, 1, args.count)) return;
  if (sources.count === 1) {
    reply.set(sources.sizeAt(0));
    sources.open(context, 0, place);
    replyMembers(reply, place);
  } else if (sources.count === 0) {
    reply.set(0);
  } else {
    unite(context, sources.shardAt(0));
    replyResult(context);
  }
}

function runStore(context: Context): void {
  const { args, keys } = context;
  if (!sources.load(context, 2, args.count)) return;
  unite(context, keys.shardOfArgument(args, 1));
  storeResult(context, EVENT_SUNIONSTORE);
}

export const sunion: CommandDefinition = {
  ...READS_SETS,
  name: 'sunion',
  summary: 'Returns all members of several sets',
  complexity: COMPLEXITY,
  run: runUnion,
};

export const sunionstore: CommandDefinition = {
  ...STORES_SET,
  name: 'sunionstore',
  summary: 'Stores all members of several sets',
  complexity: COMPLEXITY,
  run: runStore,
};
