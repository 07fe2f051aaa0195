/** EXEC: runs what was queued since MULTI, unless a watched key has changed. */
import { EXEC_WITHOUT_MULTI } from '../../protocol/errors.js';
import type { CommandDefinition } from '../contract/definition.js';

export const exec: CommandDefinition = {
  name: 'exec',
  summary: 'Runs the queued commands of a transaction, with nothing in between',
  since: '1.2.0',
  group: 'transactions',
  complexity: 'Depends on commands in the transaction',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
  transaction: 'execute',
  run({ reply, session, server }) {
    if (session.inMulti) server.transactions.execute();
    else reply.error(EXEC_WITHOUT_MULTI);
  },
};
