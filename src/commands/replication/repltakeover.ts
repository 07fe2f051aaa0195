/**
 * REPLTAKEOVER timeout [SAVE]: a replica takes its primary's role without losing a write. The
 * primary holds writes back, the replica waits until it has them all, becomes primary, and the old
 * primary its replica. When that takes more than `timeout` seconds everything stays as it was.
 */
import { ErrorReply, SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { CommandDefinition } from '../contract/definition.js';
import { busyError } from './lib/busy.js';

const TIMEOUT = new ErrorReply('ERR timeout is not a positive number of seconds');
const NO_SNAPSHOTS = new ErrorReply(
  'ERR REPLTAKEOVER SAVE is not supported: the old primary goes on as a replica. Use SAVE',
);
const NOT_A_REPLICA = new ErrorReply('ERR REPLTAKEOVER is for replicas: this server is a primary');
const SECONDS_MAX = 86400;

export const repltakeover: CommandDefinition = {
  name: 'repltakeover',
  summary: "Takes the primary's role without losing a write",
  since: '1.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: -2,
  flags: ['admin', 'noscript', 'stale', 'no_multi'],
  arguments: [
    { name: 'timeout', type: 'double' },
    { name: 'save', type: 'pure-token', token: 'SAVE', flags: ['optional'] },
  ],
  locks: 'none',
  run(context) {
    const { args, reply, server } = context;
    const text = context.text(1);
    const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
    if (args.count > 3 || (args.count === 3 && !argumentIs(args, 2, 'SAVE'))) reply.error(SYNTAX);
    else if (seconds <= 0 || seconds > SECONDS_MAX) reply.error(TIMEOUT);
    else if (args.count === 3) reply.error(NO_SNAPSHOTS);
    else if (!server.replication.isReplica) reply.error(NOT_A_REPLICA);
    else {
      const busy = busyError(context);
      if (busy !== null) {
        reply.error(busy);
        return;
      }
      const suspension = context.suspend(() => {});
      server.replication.takeOver(seconds * 1000, (write) => suspension.resume(write));
    }
  },
};
