/** RESET: the connection as it was after connecting. */
import type { CommandDefinition } from '../contract/definition.js';

export const reset: CommandDefinition = {
  name: 'reset',
  summary: 'Brings the connection back to the state it had at first',
  since: '6.2.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  whileSubscribed: true,
  transaction: 'control',
  run({ reply, session, server }) {
    if (session.inMulti) server.transactions.discard(session);
    server.transactions.unwatchAll(session);
    server.pubsub.leave();
    server.tracking.disable(session);
    session.reset();
    reply.protocol = 2;
    reply.simple('RESET');
  },
};
