/** XINFO: what there is to know about a stream, its groups and their consumers. */
import { NO_KEY } from '../../protocol/errors.js';
import type { Reply } from '../../protocol/reply.js';
import { argumentIs } from '../../protocol/text.js';
import { Count } from '../../values/stream/count.js';
import { Groups } from '../../values/stream/groups.js';
import type { Stream } from '../../values/stream/stream.js';
import { StreamId } from '../../values/stream/stream-id.js';
import type { Context } from '../contract/context.js';
import {
  type CommandDefinition,
  type ContainerDefinition,
  keysAt,
} from '../contract/definition.js';
import { replyHelp, wrongSubcommandUse } from '../contract/help.js';
import { replyCount } from './lib/count.js';
import { estimateRead, findGroup, groups, hasTombstones, replyQuoting } from './lib/group.js';
import {
  integerAt,
  isStream,
  KEY,
  replyEntry,
  replyId,
  replyRange,
  streamFound,
} from './lib/values.js';

const COUNT_DEFAULT = 10;
const id = new StreamId();
const added = new Count();
const read = new Count();
const highest = new StreamId().setHighest();
const lowest = new StreamId();
/** A second view of a group, for what is inside it. */
const inner = new Groups();

/** Finds the stream in argument 2. False: the error is answered. */
function found(context: Context): boolean {
  const { args, keys, reply } = context;
  if (keys.seekForRead(args, 2)) return isStream(context);
  reply.error(NO_KEY);
  return false;
}

function field(reply: Reply, name: string): Reply {
  reply.bulkText(name);
  return reply;
}

function runStream(context: Context): void {
  const { args, reply } = context;
  if (!found(context)) return;
  let count = COUNT_DEFAULT;
  const isFull = args.count > 3;
  if (isFull) {
    const isCounted = args.count === 6 && argumentIs(args, 4, 'COUNT');
    if (!argumentIs(args, 3, 'FULL') || (args.count !== 4 && !isCounted)) {
      reply.error(wrongSubcommandUse(context, 'xinfo'));
      return;
    }
    if (isCounted) count = integerAt(context, 5);
    if (Number.isNaN(count)) return;
    if (count < 0) count = COUNT_DEFAULT;
  }
  const stream = streamFound(context);
  reply.map(isFull ? 9 : 10);
  replyFigures(reply, stream);
  if (isFull) replyFull(context, stream, count);
  else replyEnds(reply, stream);
}

function replyFigures(reply: Reply, stream: Stream): void {
  field(reply, 'length').integer(stream.length);
  const blocks = stream.blocks.count;
  field(reply, 'radix-tree-keys').integer(blocks);
  field(reply, 'radix-tree-nodes').integer(blocks + 1);
  replyId(field(reply, 'last-generated-id'), stream.lastId(id));
  replyId(field(reply, 'max-deleted-entry-id'), stream.deletedId(id));
  replyCount(field(reply, 'entries-added'), stream.added(added));
  replyId(field(reply, 'recorded-first-entry-id'), stream.firstId(id));
}

function replyEnds(reply: Reply, stream: Stream): void {
  groups.open(stream);
  field(reply, 'groups').integer(groups.groupCount);
  replyOne(field(reply, 'first-entry'), stream, stream.seek(lowest));
  replyOne(field(reply, 'last-entry'), stream, stream.seekLast(highest));
}

function replyOne(reply: Reply, stream: Stream, isThere: boolean): void {
  if (isThere) replyEntry(reply, stream);
  else reply.nullBulk();
}

function replyFull(context: Context, stream: Stream, count: number): void {
  const { reply } = context;
  replyRange(field(reply, 'entries'), stream, lowest, highest, count);
  groups.open(stream);
  field(reply, 'groups').array(groups.groupCount);
  for (let more = groups.firstGroup(); more; more = groups.nextGroup()) {
    replyFullGroup(reply, stream, count);
  }
}

function replyFullGroup(reply: Reply, stream: Stream, count: number): void {
  reply.map(7);
  const { region, offset, length } = groups.name;
  field(reply, 'name').bulk(region, offset, length);
  replyId(field(reply, 'last-delivered-id'), groups.lastId);
  replyRead(field(reply, 'entries-read'));
  replyLag(field(reply, 'lag'), stream);
  inner.open(stream);
  inner.number = groups.number;
  const pending = inner.pendingCount;
  field(reply, 'pel-count').integer(pending);
  const shown = count === 0 ? pending : Math.min(count, pending);
  field(reply, 'pending').array(shown);
  let more = inner.seekPending(lowest);
  for (let i = 0; more && i < shown; i++) {
    reply.array(4);
    replyId(reply, inner.id);
    const owner = inner.nameOfOwner();
    reply.bulk(owner.region, owner.offset, owner.length);
    replyDelivery(reply);
    more = inner.nextPending();
  }
  field(reply, 'consumers').array(inner.consumerCount);
  for (more = inner.firstConsumer(); more; more = inner.nextConsumer()) {
    replyFullConsumer(reply, stream, count);
  }
}

const owned = new Groups();

function replyFullConsumer(reply: Reply, stream: Stream, count: number): void {
  reply.map(4);
  const { region, offset, length } = inner.consumerName;
  field(reply, 'name').bulk(region, offset, length);
  field(reply, 'seen-time').integer(inner.seenMs);
  owned.open(stream);
  owned.number = inner.number;
  owned.consumer = inner.consumer;
  const pending = owned.ownedCount;
  field(reply, 'pel-count').integer(pending);
  const shown = count === 0 ? pending : Math.min(count, pending);
  field(reply, 'pending').array(shown);
  let more = owned.seekOwned(lowest);
  for (let i = 0; more && i < shown; i++) {
    reply.array(3);
    replyId(reply, owned.id);
    inner.findPending(owned.id);
    replyDelivery(reply);
    more = owned.nextOwned();
  }
}

function replyDelivery(reply: Reply): void {
  reply.integer(inner.deliveredMs);
  replyCount(reply, inner.deliveries);
}

function replyRead(reply: Reply): void {
  if (groups.entriesRead.isUnknown) reply.nullBulk();
  else replyCount(reply, groups.entriesRead);
}

/** Entries that the open group has not read yet, if that is known. */
function replyLag(reply: Reply, stream: Stream): void {
  const { lastId, entriesRead } = groups;
  read.copyFrom(entriesRead);
  if (stream.neverAdded) read.set(0);
  else if (read.isUnknown || hasTombstones(stream, lastId)) estimateRead(stream, lastId, read);
  if (read.isUnknown) reply.nullBulk();
  else replyCount(reply, stream.added(added).subtract(read));
}

function runGroups(context: Context): void {
  const { reply } = context;
  if (!found(context)) return;
  const stream = streamFound(context);
  groups.open(stream);
  reply.array(groups.groupCount);
  for (let more = groups.firstGroup(); more; more = groups.nextGroup()) {
    reply.map(6);
    const { region, offset, length } = groups.name;
    field(reply, 'name').bulk(region, offset, length);
    field(reply, 'consumers').integer(groups.consumerCount);
    field(reply, 'pending').integer(groups.pendingCount);
    replyId(field(reply, 'last-delivered-id'), groups.lastId);
    replyRead(field(reply, 'entries-read'));
    replyLag(field(reply, 'lag'), stream);
  }
}

function runConsumers(context: Context): void {
  const { now, reply } = context;
  if (!found(context)) return;
  if (!findGroup(context, 3)) {
    replyQuoting(context, "NOGROUP No such consumer group '", 3, "' for key name '", 2, "'");
    return;
  }
  reply.array(groups.consumerCount);
  for (let more = groups.firstConsumer(); more; more = groups.nextConsumer()) {
    reply.map(3);
    const { region, offset, length } = groups.consumerName;
    field(reply, 'name').bulk(region, offset, length);
    field(reply, 'pending').integer(groups.ownedCount);
    field(reply, 'idle').integer(Math.max(0, now - groups.seenMs));
  }
}

const SHARED = {
  since: '5.0.0',
  group: 'stream',
  complexity: 'O(1)',
  flags: ['readonly'],
  keys: [keysAt(2, 0, 1, 'RO', 'access')],
} as const satisfies Partial<CommandDefinition>;

export const xinfo: ContainerDefinition = {
  name: 'xinfo',
  summary: 'Commands that tell about streams',
  since: '5.0.0',
  group: 'stream',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const xinfoStream: CommandDefinition = {
  ...SHARED,
  name: 'xinfo|stream',
  summary: 'Tells about a stream',
  arity: -3,
  arguments: [
    KEY,
    {
      name: 'full',
      type: 'block',
      token: 'FULL',
      flags: ['optional'],
      arguments: [{ name: 'count', type: 'integer', token: 'COUNT', flags: ['optional'] }],
    },
  ],
  history: [
    ['6.0.0', 'Added the `FULL` modifier.'],
    [
      '7.0.0',
      'Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields',
    ],
  ],
  run: runStream,
};

export const xinfoGroups: CommandDefinition = {
  ...SHARED,
  name: 'xinfo|groups',
  summary: 'Tells about the consumer groups of a stream',
  arity: 3,
  arguments: [KEY],
  history: [['7.0.0', 'Added the `entries-read` and `lag` fields']],
  run: runGroups,
};

export const xinfoConsumers: CommandDefinition = {
  ...SHARED,
  name: 'xinfo|consumers',
  summary: 'Tells about the consumers of a group',
  arity: 4,
  arguments: [KEY, { name: 'groupname', type: 'string' }],
  tips: ['nondeterministic_output'],
  run: runConsumers,
};

export const xinfoHelp: CommandDefinition = {
  name: 'xinfo|help',
  summary: 'Lists the subcommands',
  since: '5.0.0',
  group: 'stream',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'xinfo'),
};
