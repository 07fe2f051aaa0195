/** SPUBLISH shardchannel message */
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { SHARD_CHANNEL } from '../contract/pubsub-port.js';

export const spublish: CommandDefinition = {
  name: 'spublish',
  summary: 'Sends a message to all who are subscribed to a shard channel',
  since: '7.0.0',
  group: 'pubsub',
  complexity: 'O(N) where N is the number of clients subscribed to the receiving shard channel.',
  arity: 3,
  flags: ['pubsub', 'loading', 'stale', 'fast', 'may_replicate'],
  keys: [keysAt(1, 0, 1, 'not_key')],
  channels: { first: 1, last: 1, arePatterns: false },
  arguments: [
    { name: 'shardchannel', type: 'string' },
    { name: 'message', type: 'string' },
  ],
  run({ reply, server }) {
    reply.integer(server.pubsub.publish(SHARD_CHANNEL));
  },
};
