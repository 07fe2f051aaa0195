/** BGREWRITEAOF */
import type { CommandDefinition } from '../contract/definition.js';

export const bgrewriteaof: CommandDefinition = {
  name: 'bgrewriteaof',
  summary: 'Begins to rewrite the journal: a new base, and what follows it',
  since: '1.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 1,
  flags: ['admin', 'noscript', 'no_async_loading'],
  locks: 'none',
  run(context) {
    const { reply, server, inTransaction } = context;
    if (inTransaction) {
      // Nothing may wait inside EXEC.
      server.persistence.rewriteJournal(() => {});
      reply.simple('Background append only file rewriting started');
      return;
    }
    const suspension = context.suspend(() => {});
    server.persistence.rewriteJournal((write) => suspension.resume(write));
  },
};
