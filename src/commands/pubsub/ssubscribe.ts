/** SSUBSCRIBE shardchannel [shardchannel ...] */
import { ErrorReply } from '../../protocol/errors.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { SHARD_CHANNEL } from '../contract/pubsub-port.js';
import { subscribeAll } from './lib/confirm.js';

const NOT_IN_EXEC = new ErrorReply("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");

export const ssubscribe: CommandDefinition = {
  name: 'ssubscribe',
  summary: 'Subscribes to shard channels: their messages come from now on',
  since: '7.0.0',
  group: 'pubsub',
  complexity: 'O(N) where N is the number of shard channels to subscribe to.',
  arity: -2,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
  keys: [keysAt(1, -1, 1, 'not_key')],
  channels: { first: 1, last: 'all', arePatterns: false },
  arguments: [{ name: 'shardchannel', type: 'string', flags: ['multiple'] }],
  whileSubscribed: true,
  run(context) {
    if (context.inTransaction) {
      context.reply.error(NOT_IN_EXEC);
      return;
    }
    subscribeAll(context, SHARD_CHANNEL, 'ssubscribe');
  },
};
