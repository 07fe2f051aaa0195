/** SUNSUBSCRIBE [shardchannel [shardchannel ...]] */
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { SHARD_CHANNEL } from '../contract/pubsub-port.js';
import { unsubscribeAll } from './lib/confirm.js';

export const sunsubscribe: CommandDefinition = {
  name: 'sunsubscribe',
  summary: 'Ends subscriptions to shard channels, all of them when none is named',
  since: '7.0.0',
  group: 'pubsub',
  complexity: 'O(N) where N is the number of clients already subscribed to a shard channel.',
  arity: -1,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
  keys: [keysAt(1, -1, 1, 'not_key')],
  arguments: [{ name: 'shardchannel', type: 'string', flags: ['optional', 'multiple'] }],
  whileSubscribed: true,
  run(context) {
    unsubscribeAll(context, SHARD_CHANNEL, 'sunsubscribe');
  },
};
