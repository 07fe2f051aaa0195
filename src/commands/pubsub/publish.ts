/** PUBLISH channel message */
import type { CommandDefinition } from '../contract/definition.js';
import { CHANNEL } from '../contract/pubsub-port.js';

export const publish: CommandDefinition = {
  name: 'publish',
  summary: 'Sends a message to all who are subscribed to a channel',
  since: '2.0.0',
  group: 'pubsub',
  complexity:
    'O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).',
  arity: 3,
  flags: ['pubsub', 'loading', 'stale', 'fast', 'may_replicate'],
  channels: { first: 1, last: 1, arePatterns: false },
  arguments: [
    { name: 'channel', type: 'string' },
    { name: 'message', type: 'string' },
  ],
  run({ reply, server }) {
    reply.integer(server.pubsub.publish(CHANNEL));
  },
};
