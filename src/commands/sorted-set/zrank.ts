/** ZRANK and ZREVRANK: the place of a member in the order of scores. */
import { SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { ABSENT, ANSWERED, findMember, openReader, reader } from './lib/values.js';

const WITH_SCORE_INDEX = 3;

function replyRank(context: Context, reverse: boolean): void {
  const { args, reply } = context;
  const withScore = args.count > WITH_SCORE_INDEX;
  const isValid = args.count <= WITH_SCORE_INDEX + 1;
  if (withScore && !(isValid && argumentIs(args, WITH_SCORE_INDEX, 'WITHSCORE'))) {
    reply.error(SYNTAX);
    return;
  }
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  if (state === ABSENT || !findMember(context, 2)) {
    if (withScore) reply.nullArray();
    else reply.nullBulk();
    return;
  }
  if (withScore) reply.array(2);
  const rank = reader.foundRank();
  reply.integer(reverse ? reader.count - 1 - rank : rank);
  if (withScore) reply.double(reader.score);
}

const SHARED = {
  since: '2.0.0',
  group: 'sorted-set',
  complexity: 'O(log(N))',
  arity: -3,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string' },
    {
      name: 'withscore',
      type: 'pure-token',
      token: 'WITHSCORE',
      since: '7.2.0',
      flags: ['optional'],
    },
  ],
  history: [['7.2.0', 'Added the optional `WITHSCORE` argument.']],
} as const satisfies Partial<CommandDefinition>;

export const zrank: CommandDefinition = {
  ...SHARED,
  name: 'zrank',
  summary: 'Tells how many members of a sorted set come before one',
  run: (context) => replyRank(context, false),
};

export const zrevrank: CommandDefinition = {
  ...SHARED,
  name: 'zrevrank',
  summary: 'Tells how many members of a sorted set come behind one',
  run: (context) => replyRank(context, true),
};
