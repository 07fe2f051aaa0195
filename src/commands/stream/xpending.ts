/** XPENDING: what is pending in a group, in short or entry by entry. */
import { SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import { StreamId } from '../../values/stream/stream-id.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { replyCount } from './lib/count.js';
import { findConsumer, groups, openGroup } from './lib/group.js';
import { endAt, integerAt, KEY, replyId, startAt } from './lib/values.js';

const start = new StreamId();
const end = new StreamId();
let leastIdleMs = 0;
let count = 0;
/** Argument with the consumer, 0 without one. */
let consumer = 0;

/** The arguments behind the group. False: the error is answered. */
function parse(context: Context): boolean {
  const { args, reply } = context;
  leastIdleMs = 0;
  let index = 3;
  if (argumentIs(args, index, 'IDLE')) {
    leastIdleMs = integerAt(context, 4);
    if (Number.isNaN(leastIdleMs)) return false;
    if (args.count < 8) {
      reply.error(SYNTAX);
      return false;
    }
    index = 5;
  }
  count = Math.max(0, integerAt(context, index + 2));
  if (Number.isNaN(count)) return false;
  if (!startAt(context, index, start) || !endAt(context, index + 1, end)) return false;
  consumer = index + 3 < args.count ? index + 3 : 0;
  return true;
}

function run(context: Context): void {
  const { args, reply } = context;
  const isShort = args.count === 3;
  if (!isShort && (args.count < 6 || args.count > 9)) {
    reply.error(SYNTAX);
    return;
  }
  if (!isShort && !parse(context)) return;
  if (!openGroup(context)) return;
  if (isShort) replySummary(context);
  else if (consumer !== 0 && !findConsumer(context, consumer)) reply.emptyArray();
  else replyEntries(context);
}

function replySummary({ reply }: Context): void {
  const pending = groups.pendingCount;
  reply.array(4);
  reply.integer(pending);
  if (pending === 0) {
    reply.nullBulk();
    reply.nullBulk();
    reply.nullArray();
    return;
  }
  groups.seekPending(start.setLowest());
  replyId(reply, groups.id);
  replyId(reply, groups.lastPending(end));
  const mark = reply.mark();
  let consumers = 0;
  for (let more = groups.firstConsumer(); more; more = groups.nextConsumer()) {
    const owned = groups.ownedCount;
    if (owned === 0) continue;
    const { region, offset, length } = groups.consumerName;
    reply.array(2);
    reply.bulk(region, offset, length);
    reply.bulkInteger(owned);
    consumers++;
  }
  reply.patchArray(mark, consumers);
}

function replyEntries({ now, reply }: Context): void {
  const mark = reply.mark();
  let replied = 0;
  const isOfConsumer = consumer !== 0;
  let more = isOfConsumer ? groups.seekOwned(start) : groups.seekPending(start);
  for (; more && replied < count && groups.id.compare(end) <= 0; more = next(isOfConsumer)) {
    if (isOfConsumer) groups.findPending(groups.id);
    const idleMs = now - groups.deliveredMs;
    if (leastIdleMs !== 0 && idleMs < leastIdleMs) continue;
    const { region, offset, length } = groups.nameOfOwner();
    reply.array(4);
    replyId(reply, groups.id);
    reply.bulk(region, offset, length);
    reply.integer(Math.max(0, idleMs));
    replyCount(reply, groups.deliveries);
    replied++;
  }
  reply.patchArray(mark, replied);
}

function next(isOfConsumer: boolean): boolean {
  return isOfConsumer ? groups.nextOwned() : groups.nextPending();
}

export const xpending: CommandDefinition = {
  name: 'xpending',
  summary: 'Tells what is pending in a consumer group',
  since: '5.0.0',
  group: 'stream',
  complexity:
    'O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.',
  arity: -3,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    KEY,
    { name: 'group', type: 'string' },
    {
      name: 'filters',
      type: 'block',
      flags: ['optional'],
      arguments: [
        {
          name: 'min-idle-time',
          type: 'integer',
          token: 'IDLE',
          since: '6.2.0',
          flags: ['optional'],
        },
        { name: 'start', type: 'string' },
        { name: 'end', type: 'string' },
        { name: 'count', type: 'integer' },
        { name: 'consumer', type: 'string', flags: ['optional'] },
      ],
    },
  ],
  tips: ['nondeterministic_output'],
  history: [['6.2.0', 'Added the `IDLE` option and exclusive range intervals.']],
  run,
};
