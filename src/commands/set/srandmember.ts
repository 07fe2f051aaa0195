/** SRANDMEMBER: random members of a set; with a negative count some of them several times. */
import { SYNTAX } from '../../protocol/errors.js';
import { RandomMembers, readMember } from '../../values/set/walk.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { RandomCount, RepeatedReply, readRandomCount } from '../contract/random-choice.js';
import { chooseMembers, chosen } from './lib/choice.js';
import { isSet, member, place, replyMember, replyMembers } from './lib/values.js';

const wanted = new RandomCount();
const random = new RandomMembers();
const repeated = new RepeatedReply();

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (args.count > 3) {
    reply.error(SYNTAX);
    return;
  }
  const counted = args.count === 3;
  if (counted && !readRandomCount(context, 2, false, wanted)) return;
  if (!keys.seekForRead(args, 1)) {
    if (counted) reply.emptyArray();
    else reply.nullBulk();
    return;
  }
  if (!isSet(context)) return;
  place.take(keys);
  random.begin(place);
  if (!counted) replyAny(context);
  else if (wanted.repeats) replyRepeating(context);
  else replyDistinct(context);
}

function replyRepeating(context: Context): void {
  const { reply } = context;
  const { count } = wanted;
  repeated.begin(count);
  reply.array(count);
  for (let i = 0; i < repeated.judged; i++) {
    const before = reply.mark();
    replyAny(context);
    repeated.wrote(reply.mark() - before);
  }
  repeated.check();
  for (let i = repeated.judged; i < count; i++) replyAny(context);
}

/** Answers with a member chosen by itself. */
function replyAny({ reply }: Context): void {
  readMember(place, random.hit(), member);
  replyMember(reply, member);
}

function replyDistinct({ reply }: Context): void {
  const { size } = place;
  const count = Math.min(size, wanted.count);
  reply.array(count);
  if (count === size) {
    replyMembers(reply, place);
    return;
  }
  chooseMembers(place, count);
  for (let i = 0; i < count; i++) {
    readMember(place, chosen.list[i]!, member);
    replyMember(reply, member);
  }
  chosen.release();
}

export const srandmember: CommandDefinition = {
  name: 'srandmember',
  summary: 'Returns one or several random members of a set',
  since: '1.0.0',
  group: 'set',
  complexity:
    'Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed ' +
    'count.',
  shortArguments: 2,
  arity: -2,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'count', type: 'integer', since: '2.6.0', flags: ['optional'] },
  ],
  tips: ['nondeterministic_output'],
  history: [['2.6.0', 'The count.']],
  run,
};
