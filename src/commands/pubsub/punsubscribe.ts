/** PUNSUBSCRIBE [pattern [pattern ...]] */
import type { CommandDefinition } from '../contract/definition.js';
import { PATTERN } from '../contract/pubsub-port.js';
import { unsubscribeAll } from './lib/confirm.js';

export const punsubscribe: CommandDefinition = {
  name: 'punsubscribe',
  summary: 'Ends subscriptions to patterns, all of them when none is named',
  since: '2.0.0',
  group: 'pubsub',
  complexity:
    'O(N+M) where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system (by any client).',
  arity: -1,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
  arguments: [{ name: 'pattern', type: 'pattern', flags: ['optional', 'multiple'] }],
  whileSubscribed: true,
  run(context) {
    unsubscribeAll(context, PATTERN, 'punsubscribe');
  },
};
