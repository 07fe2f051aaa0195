/** PSUBSCRIBE pattern [pattern ...] */
import type { CommandDefinition } from '../contract/definition.js';
import { PATTERN } from '../contract/pubsub-port.js';
import { subscribeAll } from './lib/confirm.js';

export const psubscribe: CommandDefinition = {
  name: 'psubscribe',
  summary: 'Subscribes to all channels that match patterns',
  since: '2.0.0',
  group: 'pubsub',
  complexity: 'O(N) where N is the number of patterns the client is already subscribed to.',
  arity: -2,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
  channels: { first: 1, last: 'all', arePatterns: true },
  arguments: [
    {
      name: 'pattern',
      type: 'block',
      flags: ['multiple'],
      arguments: [{ name: 'pattern', type: 'pattern' }],
    },
  ],
  whileSubscribed: true,
  run(context) {
    subscribeAll(context, PATTERN, 'psubscribe');
  },
};
