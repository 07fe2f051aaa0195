/** WATCH and UNWATCH: EXEC runs nothing when a watched key has changed since. */
import { OOM, WATCH_IN_MULTI } from '../../protocol/errors.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';

export const watch: CommandDefinition = {
  name: 'watch',
  summary: 'Watches keys: the next EXEC runs only if none of them changed',
  since: '2.2.0',
  group: 'transactions',
  complexity: 'O(1) for every key.',
  arity: -2,
  flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
  transaction: 'control',
  keys: [keysAt(1, -1, 1, 'RO')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] }],
  run({ args, reply, session, server }) {
    if (session.inMulti) {
      reply.error(WATCH_IN_MULTI);
      return;
    }
    for (let i = 1; i < args.count; i++) {
      if (server.transactions.watch(i)) continue;
      reply.error(OOM);
      return;
    }
    reply.ok();
  },
};

export const unwatch: CommandDefinition = {
  name: 'unwatch',
  summary: 'Forgets all watched keys',
  since: '2.2.0',
  group: 'transactions',
  complexity: 'O(1)',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
  run({ reply, session, server }) {
    server.transactions.unwatchAll(session);
    reply.ok();
  },
};
