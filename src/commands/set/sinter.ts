/** SINTER, SINTERSTORE and SINTERCARD: what several sets have in common. */

import { EVENT_SINTERSTORE } from '../../keyspace/events.js';
import { ErrorReply, LIMIT_NEGATIVE, NUMKEYS_POSITIVE, SYNTAX } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, countedKeys, keysAt } from '../contract/definition.js';
import { READS_SETS, STORES_SET } from './lib/algebra-definition.js';
import {
  addFiltered,
  beginResult,
  replyFiltered,
  storeNothing,
  storeResult,
} from './lib/combine.js';
import { filtered } from './lib/filter.js';
import { sources } from './lib/sources.js';
import { member } from './lib/values.js';

const COMPLEXITY =
  'O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.';
const TOO_MANY_KEYS = new ErrorReply("ERR Number of keys can't be greater than number of args");
const INVALID = -1;
const FIRST_KEY = 2;

function runInter(context: Context): void {
  const { args, reply } = context;
  if (!sources.load(context, 1, args.count)) return;
  if (sources.missing > 0) {
    reply.set(0);
    return;
  }
  filtered.beginIntersection(context);
  replyFiltered(context);
}

function runStore(context: Context): void {
  const { args, keys } = context;
  if (!sources.load(context, 2, args.count)) return;
  if (sources.missing > 0) {
    storeNothing(context);
    return;
  }
  const shard = keys.shardOfArgument(args, 1);
  beginResult(context, shard);
  filtered.beginIntersection(context);
  addFiltered(context, shard);
  storeResult(context, EVENT_SINTERSTORE);
}

/** The limit among the arguments from `first` on, 0 for none; INVALID when an error was answered. */
function limitOf({ args, reply }: Context, first: number): number {
  let limit = 0;
  for (let i = first; i < args.count; i += 2) {
    if (i + 1 >= args.count || !argumentIs(args, i, 'LIMIT')) {
      reply.error(SYNTAX);
      return INVALID;
    }
    limit = parseIndex(args.region, args.offset[i + 1]!, args.length[i + 1]!);
    if (limit >= 0) continue;
    reply.error(LIMIT_NEGATIVE);
    return INVALID;
  }
  return limit;
}

function runCard(context: Context): void {
  const { args, reply } = context;
  const count = parseIndex(args.region, args.offset[1]!, args.length[1]!);
  if (!(count >= 1)) {
    reply.error(NUMKEYS_POSITIVE);
    return;
  }
  const end = FIRST_KEY + count;
  if (end > args.count) {
    reply.error(TOO_MANY_KEYS);
    return;
  }
  const limit = limitOf(context, end);
  if (limit === INVALID || !sources.load(context, FIRST_KEY, end)) return;
  let common = 0;
  if (sources.missing === 0) {
    filtered.beginIntersection(context);
    while ((limit === 0 || common < limit) && filtered.step(member)) common++;
  }
  reply.integer(common);
}

export const sinter: CommandDefinition = {
  ...READS_SETS,
  name: 'sinter',
  summary: 'Returns the members that several sets have in common',
  complexity: COMPLEXITY,
  run: runInter,
};

export const sinterstore: CommandDefinition = {
  ...STORES_SET,
  name: 'sinterstore',
  summary: 'Stores the members that several sets have in common',
  complexity: COMPLEXITY,
  keys: [keysAt(1, 0, 1, 'RW', 'update'), keysAt(2, -1, 1, 'RO', 'access')],
  run: runStore,
};

export const sintercard: CommandDefinition = {
  name: 'sintercard',
  summary: 'Returns how many members several sets have in common',
  since: '7.0.0',
  group: 'set',
  complexity: COMPLEXITY,
  arity: -3,
  flags: ['readonly', 'movablekeys'],
  keys: [countedKeys(1, 'RO', 'access')],
  arguments: [
    { name: 'numkeys', type: 'integer' },
    { name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] },
    { name: 'limit', type: 'integer', token: 'LIMIT', flags: ['optional'] },
  ],
  run: runCard,
};
