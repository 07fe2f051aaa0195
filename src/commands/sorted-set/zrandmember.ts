/** ZRANDMEMBER: members of a sorted set chosen by chance. */
import { SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import {
  areFew,
  DistinctNumbers,
  RandomCount,
  RandomSelection,
  RepeatedReply,
  randomIndex,
  readRandomCount,
} from '../contract/random-choice.js';
import {
  ABSENT,
  ANSWERED,
  openReader,
  reader,
  replyMember,
  replyMembersHeader,
} from './lib/values.js';

const COUNT_INDEX = 2;
const SCORES_INDEX = 3;

const wanted = new RandomCount();
const selection = new RandomSelection();
const chosen = new DistinctNumbers();
const repeated = new RepeatedReply();

function run(context: Context): void {
  if (context.args.count === COUNT_INDEX) replyOne(context);
  else replySeveral(context);
}

function replyOne(context: Context): void {
  const { reply } = context;
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  if (state === ABSENT) {
    reply.nullBulk();
    return;
  }
  reader.seekRank(randomIndex(reader.count));
  replyMember(reply, false);
}

function replySeveral(context: Context): void {
  const { args, reply } = context;
  const withScores =
    args.count === SCORES_INDEX + 1 && argumentIs(args, SCORES_INDEX, 'WITHSCORES');
  if (!readRandomCount(context, COUNT_INDEX, withScores, wanted)) return;
  if (args.count > SCORES_INDEX && !withScores) {
    reply.error(SYNTAX);
    return;
  }
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  if (state === ABSENT || wanted.count === 0) reply.emptyArray();
  else if (wanted.repeats) replyRepeating(context, withScores);
  else replyDistinct(context, withScores);
}

function replyRepeating({ reply }: Context, withScores: boolean): void {
  const { count } = wanted;
  repeated.begin(count);
  replyMembersHeader(reply, count, withScores);
  for (let i = 0; i < repeated.judged; i++) {
    const before = reply.mark();
    replyAny(reply, withScores);
    repeated.wrote(reply.mark() - before);
  }
  repeated.check();
  for (let i = repeated.judged; i < count; i++) replyAny(reply, withScores);
}

function replyAny(reply: Context['reply'], withScores: boolean): void {
  reader.seekRank(randomIndex(reader.count));
  replyMember(reply, withScores);
}

function replyDistinct({ reply }: Context, withScores: boolean): void {
  const count = Math.min(wanted.count, reader.count);
  replyMembersHeader(reply, count, withScores);
  if (areFew(count, reader.count)) {
    replyHit(reply, count, withScores);
    return;
  }
  selection.begin(count, reader.count);
  for (let more = reader.seekRank(0); more && !selection.isDone; more = reader.next()) {
    if (selection.takes()) replyMember(reply, withScores);
  }
}

/** Few of many: ranks by chance until there are enough different ones. */
function replyHit(reply: Context['reply'], count: number, withScores: boolean): void {
  chosen.begin(count);
  while (chosen.count < count) {
    const rank = randomIndex(reader.count);
    if (!chosen.add(rank + 1)) continue;
    reader.seekRank(rank);
    replyMember(reply, withScores);
  }
  chosen.release();
}

export const zrandmember: CommandDefinition = {
  name: 'zrandmember',
  summary: 'Tells members of a sorted set chosen by chance',
  since: '6.2.0',
  group: 'sorted-set',
  complexity: 'O(N) where N is the number of elements returned',
  arity: -2,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    {
      name: 'options',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'count', type: 'integer' },
        { name: 'withscores', type: 'pure-token', token: 'WITHSCORES', flags: ['optional'] },
      ],
    },
  ],
  tips: ['nondeterministic_output'],
  run,
};
