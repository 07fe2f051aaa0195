/** CLIENT ID, INFO, GETNAME, SETNAME and SETINFO: who a connection is. */

import { argumentIs } from '../../protocol/text.js';
import type { CommandDefinition } from '../contract/definition.js';
import { replyOutcome } from '../contract/outcome.js';
import { errorQuoting } from '../contract/quote.js';
import { isPlainWord, NAME_BYTES_MAX, NAME_TOO_LONG, setName } from './lib/session.js';

export const clientId: CommandDefinition = {
  name: 'client|id',
  summary: 'Tells the id of this connection',
  since: '5.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  run({ reply, session }) {
    reply.integer(session.id);
  },
};

export const clientInfo: CommandDefinition = {
  name: 'client|info',
  summary: 'Tells about this connection in the format of CLIENT LIST',
  since: '6.2.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  tips: ['nondeterministic_output'],
  run({ reply, session, server }) {
    reply.verbatim('txt', `${server.clients.describe(session)}\n`);
  },
};

export const clientGetname: CommandDefinition = {
  name: 'client|getname',
  summary: 'Tells the name of this connection',
  since: '2.6.9',
  group: 'connection',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  run({ reply, session }) {
    if (session.name === '') reply.nullBulk();
    else reply.bulkBinary(session.name);
  },
};

export const clientSetname: CommandDefinition = {
  name: 'client|setname',
  summary: 'Names this connection',
  since: '2.6.9',
  group: 'connection',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript', 'loading', 'stale'],
  arguments: [{ name: 'connection-name', type: 'string' }],
  run(context) {
    replyOutcome(context.reply, setName(context, context.text(2)));
  },
};

export const clientSetinfo: CommandDefinition = {
  name: 'client|setinfo',
  summary: 'Tells the server the name or the version of the client library',
  since: '7.2.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 4,
  flags: ['noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'attr',
      type: 'oneof',
      arguments: [
        { name: 'libname', type: 'string', token: 'LIB-NAME' },
        { name: 'libver', type: 'string', token: 'LIB-VER' },
      ],
    },
  ],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  run(context) {
    const { args, reply, session } = context;
    const isName = argumentIs(args, 2, 'LIB-NAME');
    if (!isName && !argumentIs(args, 2, 'LIB-VER')) {
      errorQuoting(context, "ERR Unrecognized option '", 2, "'");
      return;
    }
    const value = context.text(3);
    if (!isPlainWord(value)) {
      const option = context.text(2);
      reply.errorText(`ERR ${option} cannot contain spaces, newlines or special characters.`);
      return;
    }
    if (value.length > NAME_BYTES_MAX) {
      reply.error(NAME_TOO_LONG);
      return;
    }
    if (isName) session.libraryName = value;
    else session.libraryVersion = value;
    reply.ok();
  },
};
