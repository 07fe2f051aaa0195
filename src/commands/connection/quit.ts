/** QUIT */
import type { CommandDefinition } from '../contract/definition.js';

export const quit: CommandDefinition = {
  name: 'quit',
  summary: 'Ends the connection once its replies are sent',
  since: '1.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: -1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  whileSubscribed: true,
  transaction: 'control',
  run({ reply, session }) {
    session.closeAfterReply = true;
    reply.ok();
  },
};
