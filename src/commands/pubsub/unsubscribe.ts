/** UNSUBSCRIBE [channel [channel ...]] */
import type { CommandDefinition } from '../contract/definition.js';
import { CHANNEL } from '../contract/pubsub-port.js';
import { unsubscribeAll } from './lib/confirm.js';

export const unsubscribe: CommandDefinition = {
  name: 'unsubscribe',
  summary: 'Ends subscriptions to channels, all of them when none is named',
  since: '2.0.0',
  group: 'pubsub',
  complexity: 'O(N) where N is the number of clients already subscribed to a channel.',
  arity: -1,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
  arguments: [{ name: 'channel', type: 'string', flags: ['optional', 'multiple'] }],
  whileSubscribed: true,
  run(context) {
    unsubscribeAll(context, CHANNEL, 'unsubscribe');
  },
};
