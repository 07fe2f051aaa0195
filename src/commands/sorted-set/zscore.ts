/** ZSCORE and ZMSCORE: scores of members. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';
import { ABSENT, ANSWERED, FOUND, findMember, openReader, reader } from './lib/values.js';

function runZscore(context: Context): void {
  const { reply } = context;
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  if (state === ABSENT || !findMember(context, 2)) reply.nullBulk();
  else reply.double(reader.score);
}

function runZmscore(context: Context): void {
  const { args, reply } = context;
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    if (state === FOUND && findMember(context, i)) reply.double(reader.score);
    else reply.nullBulk();
  }
}

export const zscore: CommandDefinition = {
  name: 'zscore',
  summary: 'Tells the score of a member of a sorted set',
  since: '1.2.0',
  group: 'sorted-set',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string' },
  ],
  run: runZscore,
};

export const zmscore: CommandDefinition = {
  name: 'zmscore',
  summary: 'Tells the scores of members of a sorted set',
  since: '6.2.0',
  group: 'sorted-set',
  complexity: 'O(N) where N is the number of members being requested.',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -3,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string', flags: ['multiple'] },
  ],
  run: runZmscore,
};
