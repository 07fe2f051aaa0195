/** XAUTOCLAIM: a consumer takes over whatever has been pending for long enough. */
import { ErrorReply, SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import { Count } from '../../values/stream/count.js';
import type { Stream } from '../../values/stream/stream.js';
import { StreamId } from '../../values/stream/stream-id.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { emitAcknowledged } from './lib/claim.js';
import { countAt } from './lib/count.js';
import { claimEffects, groups, openConsumer, openGroupOf, reserveDeliveries } from './lib/group.js';
import {
  IdList,
  ids,
  integerAt,
  KEY,
  replyEntry,
  replyId,
  startAt,
  streamFound,
} from './lib/values.js';

const INVALID_IDLE = new ErrorReply('ERR Invalid min-idle-time argument for XAUTOCLAIM');
const COUNT_POSITIVE = new ErrorReply('ERR COUNT must be > 0');
const GROUP = 2;
const CONSUMER = 3;
const COUNT_DEFAULT = 100;
/** Entries looked at for each one that may be claimed. */
const ATTEMPTS = 10;
/** What Redis allows: so many ids of 16 bytes fit 63 bits. */
const COUNT_MAX = new Count().setBig((2n ** 63n - 1n) / 16n);

const start = new StreamId();
const id = new StreamId();
const given = new Count();
const deliveries = new Count();
const visited = new IdList();
let leastIdleMs = 0;
let count = 0;
let justIds = false;

function parse(context: Context): boolean {
  const { args, reply } = context;
  leastIdleMs = Math.max(0, integerAt(context, 4, INVALID_IDLE));
  if (Number.isNaN(leastIdleMs) || !startAt(context, 5, start)) return false;
  count = COUNT_DEFAULT;
  justIds = false;
  for (let i = 6; i < args.count; i++) {
    if (i + 1 < args.count && argumentIs(args, i, 'COUNT')) {
      if (!countAt(context, ++i, COUNT_POSITIVE, given)) return false;
      if (given.isNegative || given.isZero || given.compare(COUNT_MAX) > 0) {
        reply.error(COUNT_POSITIVE);
        return false;
      }
      count = given.number;
    } else if (argumentIs(args, i, 'JUSTID')) justIds = true;
    else {
      reply.error(SYNTAX);
      return false;
    }
  }
  return true;
}

function run(context: Context): void {
  const { reply } = context;
  // Redis looks for the key before it looks at the arguments.
  const found = context.keys.seekForRead(context.args, 1);
  if (!parse(context) || !openGroupOf(context, found)) return;
  const stream = streamFound(context);
  reserveDeliveries(context, stream, Math.min(count, groups.pendingCount), CONSUMER);
  ids.clear();
  claimAll(context, stream);
  reply.array(ids.count);
  for (let i = 0; i < ids.count; i++) replyId(reply, ids.get(i, id));
}

/** Writes the first two elements of the reply; `ids` are those whose entries are gone. */
function claimAll(context: Context, stream: Stream): void {
  const { now, reply } = context;
  // The cursor comes first in the reply and is known last: it is written when its bytes are known.
  const first = collect(stream, now);
  reply.array(3);
  replyId(reply, first);
  const mark = reply.mark();
  if (visited.count > 0) openConsumer(context, GROUP, CONSUMER);
  claimEffects.begin(context, GROUP, CONSUMER);
  let claimed = 0;
  const gone = ids.count;
  for (let i = 0; i < visited.count; i++) {
    visited.get(i, id);
    groups.findPending(id);
    deliveries.copyFrom(groups.deliveries);
    if (!justIds) deliveries.increment();
    if (!groups.deliver(id, now, deliveries)) throw new Error('stream: no room was reserved');
    if (justIds) replyId(reply, id);
    else {
      stream.find(id);
      replyEntry(reply, stream);
    }
    claimEffects.add(id, now, deliveries);
    claimed++;
  }
  claimEffects.end();
  for (let i = 0; i < gone; i++) {
    groups.acknowledge(ids.get(i, id));
    emitAcknowledged(context, GROUP, id);
  }
  reply.patchArray(mark, claimed);
}

/**
 * Finds the entries to claim, `visited`, and those that are gone, `ids`. Nothing changes.
 * @returns the pending entry to go on with, the lowest id when there is none
 */
function collect(stream: Stream, now: number): StreamId {
  visited.clear();
  let left = count;
  let more = groups.seekPending(start);
  for (let attempts = count * ATTEMPTS; more && attempts > 0 && left > 0; attempts--) {
    if (!stream.find(groups.id)) {
      ids.add(groups.id);
      left--;
    } else if (leastIdleMs === 0 || now - groups.deliveredMs >= leastIdleMs) {
      visited.add(groups.id);
      left--;
    }
    more = groups.nextPending();
  }
  return more ? start.copyFrom(groups.id) : start.setLowest();
}

export const xautoclaim: CommandDefinition = {
  name: 'xautoclaim',
  summary: 'Makes a consumer the owner of entries that have been pending for a time',
  since: '6.2.0',
  group: 'stream',
  complexity: 'O(1) if COUNT is small.',
  arity: -6,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'delete')],
  arguments: [
    KEY,
    { name: 'group', type: 'string' },
    { name: 'consumer', type: 'string' },
    { name: 'min-idle-time', type: 'string' },
    { name: 'start', type: 'string' },
    { name: 'count', type: 'integer', token: 'COUNT', flags: ['optional'] },
    { name: 'justid', type: 'pure-token', token: 'JUSTID', flags: ['optional'] },
  ],
  tips: ['nondeterministic_output'],
  history: [
    [
      '7.0.0',
      'Added an element to the reply array, containing deleted entries the command cleared from the PEL',
    ],
  ],
  run,
};
