/** WAIT numreplicas timeout: until that many replicas have acknowledged all writes so far. */
import {
  ErrorReply,
  NOT_INTEGER,
  TIMEOUT_NEGATIVE,
  TIMEOUT_NOT_INTEGER,
  UNBLOCKED,
  UNBLOCKED_ROLE,
} from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { CommandDefinition } from '../contract/definition.js';

const ON_REPLICA = new ErrorReply(
  'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a ' +
    'replica is configured to be writable (which is not the default) writes to replicas are just ' +
    'local and are not propagated.',
);

export const wait: CommandDefinition = {
  name: 'wait',
  summary: 'Waits until replicas have acknowledged the writes so far',
  since: '3.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript'],
  categories: ['connection'],
  arguments: [
    { name: 'numreplicas', type: 'integer' },
    { name: 'timeout', type: 'integer' },
  ],
  tips: ['request_policy:all_shards', 'response_policy:agg_min'],
  locks: 'none',
  run(context) {
    const { args, reply, server, inTransaction } = context;
    const { replication } = server;
    if (replication.isReplica) {
      reply.error(ON_REPLICA);
      return;
    }
    const wanted = parseIndex(args.region, args.offset[1]!, args.length[1]!);
    if (Number.isNaN(wanted)) {
      reply.error(NOT_INTEGER);
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
    const count = replication.countAcknowledged();
    if (count >= wanted || inTransaction) {
      reply.integer(count);
      return;
    }
    let end = (): number => 0;
    const suspension = context.suspend((reason) => {
      const reached = end();
      if (reason === 'closed') return;
      // CLIENT UNBLOCK: as if the time were up, or an error.
      suspension.resume((later) => {
        if (reason === 'unblock') later.reply.integer(reached);
        else later.reply.error(UNBLOCKED);
      });
    });
    end = replication.wait(wanted, timeoutMs, (reached) => {
      suspension.resume((later) => {
        if (reached !== null) {
          later.reply.integer(reached);
          return;
        }
        later.reply.error(UNBLOCKED_ROLE);
        later.session.closeAfterReply = true;
      });
    });
  },
};
