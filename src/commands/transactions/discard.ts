/** DISCARD: forgets what was queued since MULTI, and what was watched. */
import { DISCARD_WITHOUT_MULTI } from '../../protocol/errors.js';
import type { CommandDefinition } from '../contract/definition.js';

export const discard: CommandDefinition = {
  name: 'discard',
  summary: 'Forgets the queued commands of a transaction and ends it',
  since: '2.0.0',
  group: 'transactions',
  complexity: 'O(N), when N is the number of queued commands',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
  transaction: 'control',
  run({ reply, session, server }) {
    if (!session.inMulti) {
      reply.error(DISCARD_WITHOUT_MULTI);
      return;
    }
    server.transactions.discard(session);
    reply.ok();
  },
};
