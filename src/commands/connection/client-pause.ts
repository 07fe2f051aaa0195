/** CLIENT PAUSE timeout [WRITE|ALL], CLIENT UNPAUSE, CLIENT UNBLOCK id [TIMEOUT|ERROR] */
import {
  ErrorReply,
  NOT_INTEGER,
  TIMEOUT_NEGATIVE,
  TIMEOUT_NOT_INTEGER,
} from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { CommandDefinition } from '../contract/definition.js';
import { wrongSubcommandUse } from '../contract/help.js';

const PAUSE_MODE = new ErrorReply('ERR CLIENT PAUSE mode must be WRITE or ALL');
const UNBLOCK_REASON = new ErrorReply('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');

export const clientPause: CommandDefinition = {
  name: 'client|pause',
  summary: 'Holds commands back for some time',
  since: '2.9.50',
  group: 'connection',
  complexity: 'O(1)',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [
    { name: 'timeout', type: 'integer' },
    {
      name: 'mode',
      type: 'oneof',
      since: '6.2.0',
      flags: ['optional'],
      arguments: [
        { name: 'write', type: 'pure-token', token: 'WRITE' },
        { name: 'all', type: 'pure-token', token: 'ALL' },
      ],
    },
  ],
  history: [['6.2.0', 'The mode, WRITE or ALL.']],
  run(context) {
    const { args, reply, now, server } = context;
    const writesOnly = args.count === 4 && argumentIs(args, 3, 'WRITE');
    if (args.count > 4) {
      reply.error(wrongSubcommandUse(context, 'client'));
      return;
    }
    if (args.count === 4 && !writesOnly && !argumentIs(args, 3, 'ALL')) {
      reply.error(PAUSE_MODE);
      return;
    }
    const timeoutMs = parseIndex(args.region, args.offset[2]!, args.length[2]!);
    if (Number.isNaN(timeoutMs)) {
      reply.error(TIMEOUT_NOT_INTEGER);
      return;
    }
    if (timeoutMs < 0) {
      reply.error(TIMEOUT_NEGATIVE);
      return;
    }
    server.clients.pause(writesOnly ? 'write' : 'all', now + timeoutMs);
    reply.ok();
  },
};

export const clientUnpause: CommandDefinition = {
  name: 'client|unpause',
  summary: 'Ends a CLIENT PAUSE',
  since: '6.2.0',
  group: 'connection',
  complexity: 'O(N) Where N is the number of paused clients',
  arity: 2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  run({ reply, server }) {
    server.clients.unpause();
    reply.ok();
  },
};

export const clientUnblock: CommandDefinition = {
  name: 'client|unblock',
  summary: 'Ends the waiting of another client',
  since: '5.0.0',
  group: 'connection',
  complexity: 'O(log N) where N is the number of client connections',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [
    { name: 'client-id', type: 'integer' },
    {
      name: 'timeout_error',
      type: 'oneof',
      flags: ['optional'],
      arguments: [
        { name: 'timeout', type: 'pure-token', token: 'TIMEOUT' },
        { name: 'error', type: 'pure-token', token: 'ERROR' },
      ],
    },
  ],
  locks: 'none',
  run(context) {
    const { args, reply, server } = context;
    const withError = args.count === 4 && argumentIs(args, 3, 'ERROR');
    if (args.count > 4) {
      reply.error(wrongSubcommandUse(context, 'client'));
      return;
    }
    if (args.count === 4 && !withError && !argumentIs(args, 3, 'TIMEOUT')) {
      reply.error(UNBLOCK_REASON);
      return;
    }
    const id = parseIndex(args.region, args.offset[2]!, args.length[2]!);
    if (Number.isNaN(id)) {
      reply.error(NOT_INTEGER);
      return;
    }
    reply.integer(server.clients.unblock(id, withError) ? 1 : 0);
  },
};
