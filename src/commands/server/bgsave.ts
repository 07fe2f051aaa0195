/** BGSAVE [SCHEDULE] */
import { SAVE_IN_PROGRESS, SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { CommandDefinition } from '../contract/definition.js';

export const bgsave: CommandDefinition = {
  name: 'bgsave',
  summary: 'Begins to write a snapshot of the data to disk',
  since: '1.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: -1,
  flags: ['admin', 'noscript', 'no_async_loading'],
  arguments: [
    {
      name: 'schedule',
      type: 'pure-token',
      token: 'SCHEDULE',
      since: '3.2.2',
      flags: ['optional'],
    },
  ],
  history: [['3.2.2', 'The option SCHEDULE.']],
  locks: 'none',
  run(context) {
    const { args, reply, server, inTransaction } = context;
    const isScheduled = args.count > 1;
    if (isScheduled && (args.count > 2 || !argumentIs(args, 1, 'SCHEDULE'))) {
      reply.error(SYNTAX);
      return;
    }
    if (inTransaction) {
      // Nothing may wait inside EXEC.
      const { isSaving } = server.persistence;
      if (isSaving && !isScheduled) {
        reply.error(SAVE_IN_PROGRESS);
        return;
      }
      server.persistence.saveInBackground(isScheduled, () => {});
      reply.simple(`Background saving ${isSaving ? 'scheduled' : 'started'}`);
      return;
    }
    const suspension = context.suspend(() => {});
    server.persistence.saveInBackground(isScheduled, (write) => suspension.resume(write));
  },
};
