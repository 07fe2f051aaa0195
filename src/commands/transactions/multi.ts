/** MULTI: from now on commands are queued. What the queue is lies in the engine. */
import { NESTED_MULTI } from '../../protocol/errors.js';
import type { CommandDefinition } from '../contract/definition.js';

export const multi: CommandDefinition = {
  name: 'multi',
  summary: 'Begins a transaction: commands are queued until EXEC',
  since: '1.2.0',
  group: 'transactions',
  complexity: 'O(1)',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
  transaction: 'control',
  run({ reply, session, server }) {
    if (session.inMulti) {
      reply.error(NESTED_MULTI);
      return;
    }
    server.transactions.begin(session);
    reply.ok();
  },
};
