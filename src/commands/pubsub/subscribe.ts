/** SUBSCRIBE channel [channel ...] */
import type { CommandDefinition } from '../contract/definition.js';
import { CHANNEL } from '../contract/pubsub-port.js';
import { subscribeAll } from './lib/confirm.js';

export const subscribe: CommandDefinition = {
  name: 'subscribe',
  summary: 'Subscribes to channels: their messages come from now on',
  since: '2.0.0',
  group: 'pubsub',
  complexity: 'O(N) where N is the number of channels to subscribe to.',
  arity: -2,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
  channels: { first: 1, last: 'all', arePatterns: false },
  arguments: [{ name: 'channel', type: 'string', flags: ['multiple'] }],
  whileSubscribed: true,
  run(context) {
    subscribeAll(context, CHANNEL, 'subscribe');
  },
};
