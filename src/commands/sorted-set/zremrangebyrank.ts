/** ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX: remove a range of a sorted set. */
import {
  EVENT_ZREMRANGEBYLEX,
  EVENT_ZREMRANGEBYRANK,
  EVENT_ZREMRANGEBYSCORE,
  type KeyspaceEvent,
} from '../../keyspace/events.js';
import { NOT_INTEGER } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { lexRange, parseLexRange, parseScoreRange, scoreRange } from './lib/bounds.js';
import { resolveRanks } from './lib/range-options.js';
import { removeRanks } from './lib/remove-ranks.js';
import { isSortedSet, ranks, reader } from './lib/values.js';
import { commitRemoval, edit, openEdit } from './lib/write.js';

/** Finds the key and attaches `reader`. False: there is no set, which is answered. */
function openForRemoval(context: Context): boolean {
  const { args, keys, reply } = context;
  if (!keys.seek(args, 1)) {
    reply.integer(0);
    return false;
  }
  if (!isSortedSet(context)) return false;
  reader.attach(keys);
  return true;
}

/** Removes `ranks` of the set being read, and answers. */
function removeRange(context: Context, event: KeyspaceEvent): void {
  const { count } = ranks;
  if (count > 0) removeRanks(context, event);
  context.reply.integer(count);
}

function runByRank(context: Context): void {
  const { args, reply } = context;
  const start = parseIndex(args.region, args.offset[2]!, args.length[2]!);
  const stop = parseIndex(args.region, args.offset[3]!, args.length[3]!);
  if (Number.isNaN(start) || Number.isNaN(stop)) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (!openForRemoval(context)) return;
  resolveRanks(start, stop, false);
  removeRange(context, EVENT_ZREMRANGEBYRANK);
}

function runByScore(context: Context): void {
  if (!parseScoreRange(context, 2, 3) || !openForRemoval(context)) return;
  reader.ranksOfScores(scoreRange, ranks);
  const { first, count } = ranks;
  if (count > 0) {
    openEdit(context, true, true);
    edit.removeRanks(first, count);
    commitRemoval(context, EVENT_ZREMRANGEBYSCORE);
  }
  context.reply.integer(count);
}

function runByLex(context: Context): void {
  if (!parseLexRange(context, 2, 3) || !openForRemoval(context)) return;
  reader.ranksOfMembers(lexRange, false, ranks);
  removeRange(context, EVENT_ZREMRANGEBYLEX);
}

const SHARED = {
  group: 'sorted-set',
  complexity:
    'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.',
  arity: 4,
  flags: ['write'],
  keys: [keysAt(1, 0, 1, 'RW', 'delete')],
} as const satisfies Partial<CommandDefinition>;

export const zremrangebyrank: CommandDefinition = {
  ...SHARED,
  name: 'zremrangebyrank',
  summary: 'Removes a range of a sorted set by rank',
  since: '2.0.0',
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'start', type: 'integer' },
    { name: 'stop', type: 'integer' },
  ],
  run: runByRank,
};

export const zremrangebyscore: CommandDefinition = {
  ...SHARED,
  name: 'zremrangebyscore',
  summary: 'Removes the members of a sorted set with scores in a range',
  since: '1.2.0',
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'min', type: 'double' },
    { name: 'max', type: 'double' },
  ],
  elements: { by: 'each' },
  run: runByScore,
};

export const zremrangebylex: CommandDefinition = {
  ...SHARED,
  name: 'zremrangebylex',
  summary: 'Removes the members of a sorted set between two members',
  since: '2.8.9',
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'min', type: 'string' },
    { name: 'max', type: 'string' },
  ],
  elements: { by: 'each' },
  run: runByLex,
};
