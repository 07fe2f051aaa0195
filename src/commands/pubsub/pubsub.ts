/** PUBSUB CHANNELS, NUMPAT, NUMSUB, SHARDCHANNELS, SHARDNUMSUB and HELP */
import type { Context } from '../contract/context.js';
import type { CommandDefinition, ContainerDefinition } from '../contract/definition.js';
import { replyHelp, wrongSubcommandUse } from '../contract/help.js';
import { CHANNEL, type NameKind, PATTERN, SHARD_CHANNEL } from '../contract/pubsub-port.js';

/** Writes the names in use that match argument 2, or all. */
function replyNames(context: Context, kind: NameKind): void {
  const { args, reply, server } = context;
  if (args.count > 3) {
    reply.error(wrongSubcommandUse(context, 'pubsub'));
    return;
  }
  const mark = reply.mark();
  let count = 0;
  for (const name of server.pubsub.list(kind, args.count === 3 ? 2 : 0)) {
    reply.bulkBinary(name);
    count++;
  }
  reply.patchArray(mark, count);
}

/** Writes each name given with the number of its subscribers. */
function replyCounts({ args, reply, server }: Context, kind: NameKind): void {
  reply.array((args.count - 2) * 2);
  for (let i = 2; i < args.count; i++) {
    reply.bulk(args.region, args.offset[i]!, args.length[i]!);
    reply.integer(server.pubsub.subscribers(kind, i));
  }
}

export const pubsub: ContainerDefinition = {
  name: 'pubsub',
  summary: 'Commands about who is subscribed to what',
  since: '2.8.0',
  group: 'pubsub',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const pubsubChannels: CommandDefinition = {
  name: 'pubsub|channels',
  summary: 'Lists the channels that have subscribers',
  since: '2.8.0',
  group: 'pubsub',
  complexity:
    'O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)',
  arity: -2,
  flags: ['pubsub', 'loading', 'stale'],
  arguments: [{ name: 'pattern', type: 'pattern', flags: ['optional'] }],
  run(context) {
    replyNames(context, CHANNEL);
  },
};

export const pubsubNumpat: CommandDefinition = {
  name: 'pubsub|numpat',
  summary: 'Counts the patterns that have subscribers',
  since: '2.8.0',
  group: 'pubsub',
  complexity: 'O(1)',
  arity: 2,
  flags: ['pubsub', 'loading', 'stale'],
  run({ reply, server }) {
    reply.integer(server.pubsub.names(PATTERN));
  },
};

export const pubsubNumsub: CommandDefinition = {
  name: 'pubsub|numsub',
  summary: 'Counts the subscribers of channels',
  since: '2.8.0',
  group: 'pubsub',
  complexity: 'O(N) for the NUMSUB subcommand, where N is the number of requested channels',
  arity: -2,
  flags: ['pubsub', 'loading', 'stale'],
  arguments: [{ name: 'channel', type: 'string', flags: ['optional', 'multiple'] }],
  run(context) {
    replyCounts(context, CHANNEL);
  },
};

export const pubsubShardchannels: CommandDefinition = {
  name: 'pubsub|shardchannels',
  summary: 'Lists the shard channels that have subscribers',
  since: '7.0.0',
  group: 'pubsub',
  complexity:
    'O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).',
  arity: -2,
  flags: ['pubsub', 'loading', 'stale'],
  arguments: [{ name: 'pattern', type: 'pattern', flags: ['optional'] }],
  run(context) {
    replyNames(context, SHARD_CHANNEL);
  },
};

export const pubsubShardnumsub: CommandDefinition = {
  name: 'pubsub|shardnumsub',
  summary: 'Counts the subscribers of shard channels',
  since: '7.0.0',
  group: 'pubsub',
  complexity:
    'O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels',
  arity: -2,
  flags: ['pubsub', 'loading', 'stale'],
  arguments: [{ name: 'shardchannel', type: 'string', flags: ['optional', 'multiple'] }],
  run(context) {
    replyCounts(context, SHARD_CHANNEL);
  },
};

export const pubsubHelp: CommandDefinition = {
  name: 'pubsub|help',
  summary: 'Lists the subcommands',
  since: '6.2.0',
  group: 'pubsub',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run(context) {
    replyHelp(context, 'pubsub');
  },
};
