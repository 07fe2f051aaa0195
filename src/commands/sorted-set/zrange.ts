/** ZRANGE and the older commands that read ranges: by rank, score or member, forward or back. */

import type { Context } from '../contract/context.js';
import {
  type ArgumentSpecification,
  type CommandDefinition,
  keysAt,
} from '../contract/definition.js';
import { LIMIT } from '../contract/limit-argument.js';
import {
  BY_LEX,
  BY_OPTION,
  BY_RANK,
  BY_SCORE,
  options,
  parseRangeOptions,
  type RangeCommand,
  resolveRange,
} from './lib/range-options.js';
import { ABSENT, ANSWERED, openReader, ranks, replyRanks } from './lib/values.js';

function ofRange(by: number, reverse: boolean): (context: Context) => void {
  const command: RangeCommand = { by, reverse, source: 1, stores: false };
  return (context) => replyRange(context, command);
}

function replyRange(context: Context, command: RangeCommand): void {
  const { reply } = context;
  if (!parseRangeOptions(context, command)) return;
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  if (state === ABSENT) {
    reply.emptyArray();
    return;
  }
  resolveRange();
  const { reverse, withScores } = options;
  replyRanks(reply, reverse ? ranks.end - 1 : ranks.first, ranks.count, reverse, withScores);
}

const OF_RANGE =
  'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.';
const OF_LIMITED_RANGE =
  'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).';
const KEYS = [keysAt(1, 0, 1, 'RO', 'access')];
const WITH_SCORES: ArgumentSpecification = {
  name: 'withscores',
  type: 'pure-token',
  token: 'WITHSCORES',
  flags: ['optional'],
};

export const zrange: CommandDefinition = {
  name: 'zrange',
  summary: 'Reads a range of a sorted set: by rank, score or member',
  since: '1.2.0',
  group: 'sorted-set',
  complexity: OF_RANGE,
  arity: -4,
  flags: ['readonly'],
  keys: KEYS,
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'start', type: 'string' },
    { name: 'stop', type: 'string' },
    {
      name: 'sortby',
      type: 'oneof',
      since: '6.2.0',
      flags: ['optional'],
      arguments: [
        { name: 'byscore', type: 'pure-token', token: 'BYSCORE' },
        { name: 'bylex', type: 'pure-token', token: 'BYLEX' },
      ],
    },
    { name: 'rev', type: 'pure-token', token: 'REV', since: '6.2.0', flags: ['optional'] },
    { ...LIMIT, since: '6.2.0' },
    WITH_SCORES,
  ],
  history: [['6.2.0', 'Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.']],
  run: ofRange(BY_OPTION, false),
};

const OLDER = {
  group: 'sorted-set',
  arity: -4,
  flags: ['readonly'],
  keys: KEYS,
  docFlags: ['deprecated'],
  deprecatedSince: '6.2.0',
} as const satisfies Partial<CommandDefinition>;

export const zrevrange: CommandDefinition = {
  ...OLDER,
  name: 'zrevrange',
  summary: 'Reads a range of a sorted set by rank, from the highest score on',
  since: '1.2.0',
  complexity: OF_RANGE,
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'start', type: 'integer' },
    { name: 'stop', type: 'integer' },
    WITH_SCORES,
  ],
  replacedBy: '`ZRANGE` with the `REV` argument',
  run: ofRange(BY_RANK, true),
};

export const zrangebyscore: CommandDefinition = {
  ...OLDER,
  name: 'zrangebyscore',
  summary: 'Reads the members of a sorted set with scores in a range',
  since: '1.0.5',
  complexity: OF_LIMITED_RANGE,
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'min', type: 'double' },
    { name: 'max', type: 'double' },
    {
      name: 'withscores',
      type: 'pure-token',
      token: 'WITHSCORES',
      since: '2.0.0',
      flags: ['optional'],
    },
    LIMIT,
  ],
  history: [['2.0.0', 'Added the `WITHSCORES` modifier.']],
  replacedBy: '`ZRANGE` with the `BYSCORE` argument',
  run: ofRange(BY_SCORE, false),
};

export const zrevrangebyscore: CommandDefinition = {
  ...OLDER,
  name: 'zrevrangebyscore',
  summary: 'Reads the members of a sorted set with scores in a range, from the highest on',
  since: '2.2.0',
  complexity: OF_LIMITED_RANGE,
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'max', type: 'double' },
    { name: 'min', type: 'double' },
    WITH_SCORES,
    LIMIT,
  ],
  history: [['2.1.6', '`min` and `max` can be exclusive.']],
  replacedBy: '`ZRANGE` with the `REV` and `BYSCORE` arguments',
  run: ofRange(BY_SCORE, true),
};

export const zrangebylex: CommandDefinition = {
  ...OLDER,
  name: 'zrangebylex',
  summary: 'Reads the members of a sorted set between two members',
  since: '2.8.9',
  complexity: OF_LIMITED_RANGE,
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'min', type: 'string' },
    { name: 'max', type: 'string' },
    LIMIT,
  ],
  replacedBy: '`ZRANGE` with the `BYLEX` argument',
  run: ofRange(BY_LEX, false),
};

export const zrevrangebylex: CommandDefinition = {
  ...OLDER,
  name: 'zrevrangebylex',
  summary: 'Reads the members of a sorted set between two members, from the last on',
  since: '2.8.9',
  complexity: OF_LIMITED_RANGE,
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'max', type: 'string' },
    { name: 'min', type: 'string' },
    LIMIT,
  ],
  replacedBy: '`ZRANGE` with the `REV` and `BYLEX` arguments',
  run: ofRange(BY_LEX, true),
};
