/**
 * ZRANGESTORE: stores a range of a sorted set under another key. The range may be of the destination
 * itself: the result is made before anything is replaced.
 */

import { EVENT_ZRANGESTORE } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { LIMIT } from '../contract/limit-argument.js';
import {
  BY_OPTION,
  BY_RANK,
  options,
  parseRangeOptions,
  type RangeCommand,
  resolveRange,
} from './lib/range-options.js';
import { ANSWERED, FOUND, openReader, ranks, reader } from './lib/values.js';
import { createEdit, edit, refuse, storeResult } from './lib/write.js';

const TARGET = 1;
const SOURCE = 2;
const COMMAND: RangeCommand = { by: BY_OPTION, reverse: false, source: SOURCE, stores: true };

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!parseRangeOptions(context, COMMAND)) return;
  const state = openReader(context, SOURCE);
  if (state === ANSWERED) return;
  keys.seek(args, TARGET);
  createEdit(context);
  if (state === FOUND) {
    resolveRange();
    // Only ranks tell Redis before how many members will come, so that the first ones keep a score of -0.
    if (options.by === BY_RANK) edit.expect(ranks.count, 0);
    copyRange(context);
  }
  const { count } = edit;
  storeResult(context, EVENT_ZRANGESTORE);
  reply.integer(count);
}

/** Appends the range of the set being read to the edit. */
function copyRange(context: Context): void {
  const last = options.reverse ? lastInListpack() : 0;
  // Where the set becomes a skiplist, the edit sees the members from the other end.
  if (options.reverse && last < ranks.count) edit.keepsZeros = true;
  let more = ranks.count > 0 && reader.seekRank(ranks.first);
  for (let left = ranks.count; more && left > 0; left--) {
    const { memberRegion, memberOffset, memberLength } = reader;
    // A listpack has no -0.
    const score = left <= last && reader.score === 0 ? 0 : reader.score;
    if (!edit.append(score, memberRegion, memberOffset, memberLength)) refuse(context);
    more = reader.next();
  }
}

/** How many members at the range's end come, in reverse, while Redis still has a listpack. */
function lastInListpack(): number {
  const { listpackMembersMax, listpackMemberBytesMax, isListpack } = edit;
  if (!isListpack) return 0;
  const most = Math.min(ranks.count, listpackMembersMax);
  let count = 0;
  let more = most > 0 && reader.seekRank(ranks.first + ranks.count - 1);
  while (more && count < most && reader.memberLength <= listpackMemberBytesMax) {
    count++;
    more = reader.previous();
  }
  return count;
}

export const zrangestore: CommandDefinition = {
  name: 'zrangestore',
  summary: 'Stores a range of a sorted set under another key',
  since: '6.2.0',
  group: 'sorted-set',
  complexity:
    'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.',
  arity: -5,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'OW', 'update'), keysAt(2, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'dst', type: 'key', keySpecIndex: 0 },
    { name: 'src', type: 'key', keySpecIndex: 1 },
    { name: 'min', type: 'string' },
    { name: 'max', type: 'string' },
    {
      name: 'sortby',
      type: 'oneof',
      flags: ['optional'],
      arguments: [
        { name: 'byscore', type: 'pure-token', token: 'BYSCORE' },
        { name: 'bylex', type: 'pure-token', token: 'BYLEX' },
      ],
    },
    { name: 'rev', type: 'pure-token', token: 'REV', flags: ['optional'] },
    LIMIT,
  ],
  run,
};
