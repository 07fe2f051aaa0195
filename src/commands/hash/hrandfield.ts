/** HRANDFIELD: fields chosen at random, all different or, with a negative count, perhaps repeated. */
import { randomBits } from '../../base/random.js';
import { SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
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
  hash,
  KEY_ARGUMENT,
  KEY_READ,
  openForRead,
  REFUSED,
  replyField,
  replyValue,
} from './lib/values.js';

const COUNT = 2;
const OPTION = 3;

const wish = new RandomCount();
const selection = new RandomSelection();
const drawn = new DistinctNumbers();
const repeated = new RepeatedReply();

function run(context: Context): void {
  if (context.args.count > COUNT) {
    runWithCount(context);
    return;
  }
  const { reply } = context;
  const state = openForRead(context);
  if (state === REFUSED) return;
  if (state === ABSENT || !seekRandom()) reply.nullBulk();
  else replyField(reply);
}

function runWithCount(context: Context): void {
  const { args, reply } = context;
  const withValues = args.count === OPTION + 1 && argumentIs(args, OPTION, 'WITHVALUES');
  if (!readRandomCount(context, COUNT, withValues, wish)) return;
  if (args.count > OPTION && !withValues) {
    reply.error(SYNTAX);
    return;
  }
  const state = openForRead(context);
  if (state === REFUSED) return;
  const size = state === ABSENT ? 0 : hash.countLive();
  if (size === 0 || wish.count === 0) {
    reply.emptyArray();
    return;
  }
  if (wish.repeats) replyRepeated(context, withValues, size);
  else replyDistinct(context, withValues, size);
}

function replyHeader({ reply }: Context, count: number, withValues: boolean): void {
  reply.array(withValues && reply.protocol === 2 ? count * 2 : count);
}

function replyPair({ reply }: Context, withValues: boolean): void {
  if (withValues && reply.protocol === 3) reply.array(2);
  replyField(reply);
  if (withValues) replyValue(reply);
}

/** Goes to one field of the hash opened. @returns false when all of them have expired */
function seekRandom(): boolean {
  if (hash.nested) return hash.seekRandom(randomBits);
  hash.indexPairs();
  hash.seekIndex(randomIndex(hash.size));
  return true;
}

function replyRepeated(context: Context, withValues: boolean, size: number): void {
  const { reply } = context;
  const { count } = wish;
  repeated.begin(count);
  replyHeader(context, count, withValues);
  if (!hash.nested) hash.indexPairs();
  for (let i = 0; i < repeated.judged; i++) {
    const before = reply.mark();
    replyAny(context, withValues, size);
    repeated.wrote(reply.mark() - before);
  }
  repeated.check();
  for (let i = repeated.judged; i < count; i++) replyAny(context, withValues, size);
}

function replyAny(context: Context, withValues: boolean, size: number): void {
  if (hash.nested) hash.seekRandom(randomBits);
  else hash.seekIndex(randomIndex(size));
  replyPair(context, withValues);
}

function replyDistinct(context: Context, withValues: boolean, size: number): void {
  const wanted = Math.min(wish.count, size);
  replyHeader(context, wanted, withValues);
  if (hash.nested && areFew(wanted, size) && !hash.mayHaveExpired) {
    drawn.begin(wanted);
    while (drawn.count < wanted) {
      hash.seekRandom(randomBits);
      if (drawn.add(hash.entryNumber)) replyPair(context, withValues);
    }
    drawn.release();
    return;
  }
  selection.begin(wanted, size);
  hash.rewind();
  while (!selection.isDone && hash.next()) if (selection.takes()) replyPair(context, withValues);
}

export const hrandfield: CommandDefinition = {
  name: 'hrandfield',
  summary: 'Returns random fields of a hash',
  since: '6.2.0',
  group: 'hash',
  complexity: 'O(N) where N is the number of fields returned',
  shortArguments: 2,
  arity: -2,
  flags: ['readonly'],
  keys: KEY_READ,
  arguments: [
    KEY_ARGUMENT,
    {
      name: 'options',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'count', type: 'integer' },
        { name: 'withvalues', type: 'pure-token', token: 'WITHVALUES', flags: ['optional'] },
      ],
    },
  ],
  tips: ['nondeterministic_output'],
  run,
};
