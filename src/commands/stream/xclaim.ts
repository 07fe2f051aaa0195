/** XCLAIM: a consumer takes over entries that are pending for others. */
import { ErrorReply, STREAM_ID, untilNul } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import { Count } from '../../values/stream/count.js';
import type { Stream } from '../../values/stream/stream.js';
import { FORM_STRICT, StreamId } from '../../values/stream/stream-id.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { emitAcknowledged } from './lib/claim.js';
import { countAt } from './lib/count.js';
import {
  claimEffects,
  emitGroupId,
  groups,
  openConsumer,
  openGroup,
  reserveDeliveries,
  saveGroup,
} from './lib/group.js';
import { ids, integerAt, isId, KEY, replyEntry, replyId, streamFound } from './lib/values.js';

const INVALID_IDLE = new ErrorReply('ERR Invalid min-idle-time argument for XCLAIM');
const INVALID_OPTION_IDLE = new ErrorReply('ERR Invalid IDLE option argument for XCLAIM');
const INVALID_TIME = new ErrorReply('ERR Invalid TIME option argument for XCLAIM');
const INVALID_COUNT = new ErrorReply('ERR Invalid RETRYCOUNT option argument for XCLAIM');
const GROUP = 2;
const CONSUMER = 3;
const FIRST_ID = 5;

const id = new StreamId();
const lastId = new StreamId();
const deliveries = new Count();

/** The options of one call. One for each thread. */
class ClaimArguments {
  leastIdleMs = 0;
  deliveredMs = 0;
  readonly deliveries = new Count();
  countIsGiven = false;
  forces = false;
  justIds = false;

  parse(context: Context): boolean {
    const { args, now } = context;
    this.leastIdleMs = Math.max(0, integerAt(context, 4, INVALID_IDLE));
    if (Number.isNaN(this.leastIdleMs)) return false;
    this.deliveredMs = now;
    this.countIsGiven = false;
    this.forces = false;
    this.justIds = false;
    lastId.setLowest();
    ids.clear();
    let index = FIRST_ID;
    for (; index < args.count && isId(context, index, FORM_STRICT, 0, id); index++) ids.add(id);
    while (index < args.count) {
      index = this.parseOption(context, index);
      if (index < 0) return false;
    }
    return true;
  }

  /** @returns the argument behind the option, -1 when the error is answered */
  private parseOption(context: Context, index: number): number {
    const { args, now, reply } = context;
    const hasMore = index + 1 < args.count;
    if (argumentIs(args, index, 'FORCE')) {
      this.forces = true;
      return index + 1;
    }
    if (argumentIs(args, index, 'JUSTID')) {
      this.justIds = true;
      return index + 1;
    }
    if (hasMore && argumentIs(args, index, 'IDLE')) {
      const idleMs = integerAt(context, index + 1, INVALID_OPTION_IDLE);
      return this.setTime(context, now - idleMs, index);
    }
    if (hasMore && argumentIs(args, index, 'TIME')) {
      return this.setTime(context, integerAt(context, index + 1, INVALID_TIME), index);
    }
    if (hasMore && argumentIs(args, index, 'RETRYCOUNT')) {
      const { deliveries } = this;
      if (!countAt(context, index + 1, INVALID_COUNT, deliveries)) return -1;
      // A count that has wrapped around is one, to a replica.
      this.countIsGiven = !deliveries.isNegative || context.settings.replaysEffects;
      return index + 2;
    }
    if (hasMore && argumentIs(args, index, 'LASTID')) {
      if (isId(context, index + 1, FORM_STRICT, 0, lastId)) return index + 2;
      reply.error(STREAM_ID);
      return -1;
    }
    reply.errorText(`ERR Unrecognized XCLAIM option '${untilNul(context.text(index))}'`);
    return -1;
  }

  /** A time that cannot be is now, but for that of an effect. NaN: the error is answered. */
  private setTime({ now, settings }: Context, ms: number, index: number): number {
    if (Number.isNaN(ms)) return -1;
    this.deliveredMs = (ms < 0 || ms > now) && !settings.replaysEffects ? now : ms;
    return index + 2;
  }
}

const claim = new ClaimArguments();

function run(context: Context): void {
  const { reply } = context;
  if (!openGroup(context) || !claim.parse(context)) return;
  const stream = streamFound(context);
  reserveDeliveries(context, stream, ids.count, CONSUMER);
  let savesGroup = false;
  if (lastId.compare(groups.lastId) > 0) {
    groups.lastId.copyFrom(lastId);
    saveGroup(context, GROUP);
    savesGroup = true;
  }
  const mark = reply.mark();
  let claimed = 0;
  claimEffects.begin(context, GROUP, CONSUMER);
  for (let i = 0; i < ids.count; i++) if (claimOne(context, stream, i)) claimed++;
  claimEffects.end();
  if (savesGroup) emitGroupId(context, GROUP);
  reply.patchArray(mark, claimed);
}

/** @returns whether the entry is in the reply */
function claimOne(context: Context, stream: Stream, index: number): boolean {
  const { now, reply, settings } = context;
  ids.get(index, id);
  const exists = stream.find(id);
  if (!exists && !settings.replaysEffects) {
    if (groups.acknowledge(id)) {
      claimEffects.end();
      emitAcknowledged(context, GROUP, id);
      claimEffects.begin(context, GROUP, CONSUMER);
    }
    return false;
  }
  const isPending = groups.findPending(id);
  if (!isPending && !claim.forces) return false;
  if (isPending && claim.leastIdleMs > 0 && now - groups.deliveredMs < claim.leastIdleMs) {
    return false;
  }
  if (isPending) deliveries.copyFrom(groups.deliveries);
  else deliveries.set(1);
  if (claim.countIsGiven) deliveries.copyFrom(claim.deliveries);
  else if (!claim.justIds) deliveries.increment();
  if (groups.consumer === 0) openConsumer(context, GROUP, CONSUMER);
  if (!groups.deliver(id, claim.deliveredMs, deliveries)) {
    throw new Error('stream: no room was reserved');
  }
  if (claim.justIds || !exists) replyId(reply, id);
  else replyEntry(reply, stream);
  claimEffects.add(id, claim.deliveredMs, deliveries);
  return true;
}

export const xclaim: CommandDefinition = {
  name: 'xclaim',
  summary: 'Makes a consumer the owner of entries that are pending for others',
  since: '5.0.0',
  group: 'stream',
  complexity: 'O(log N) with N being the number of messages in the PEL of the consumer group.',
  arity: -6,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: [
    KEY,
    { name: 'group', type: 'string' },
    { name: 'consumer', type: 'string' },
    { name: 'min-idle-time', type: 'string' },
    { name: 'id', type: 'string', flags: ['multiple'] },
    { name: 'ms', type: 'integer', token: 'IDLE', flags: ['optional'] },
    { name: 'unix-time-milliseconds', type: 'unix-time', token: 'TIME', flags: ['optional'] },
    { name: 'count', type: 'integer', token: 'RETRYCOUNT', flags: ['optional'] },
    { name: 'force', type: 'pure-token', token: 'FORCE', flags: ['optional'] },
    { name: 'justid', type: 'pure-token', token: 'JUSTID', flags: ['optional'] },
    { name: 'id', type: 'string', token: 'LASTID', flags: ['optional'] },
  ],
  elements: { by: 'group', group: 2 },
  tips: ['nondeterministic_output'],
  run,
};
