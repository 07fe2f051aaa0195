/** MONITOR: the client gets a line for each command that any client sends. */
import { ErrorReply } from '../../protocol/errors.js';
import type { CommandDefinition } from '../contract/definition.js';

const NOT_IN_EXEC = new ErrorReply("ERR MONITOR isn't allowed for DENY BLOCKING client");

export const monitor: CommandDefinition = {
  name: 'monitor',
  summary: 'Shows all commands that clients send, as they run',
  since: '1.0.0',
  group: 'server',
  complexity: '',
  arity: 1,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  run(context) {
    const { reply, server } = context;
    if (context.inTransaction) {
      reply.error(NOT_IN_EXEC);
      return;
    }
    // As in Redis, a client that watches already gets no answer.
    if (server.pubsub.watchCommands()) reply.ok();
  },
};
