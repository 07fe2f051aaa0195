/** REPLICAOF host port, REPLICAOF NO ONE; SLAVEOF is their older name. */
import { ErrorReply } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import type { HostAndPort } from '../contract/replication-port.js';
import { busyError } from './lib/busy.js';

const INVALID_PORT = new ErrorReply('ERR Invalid master port');
const FAILING_OVER = new ErrorReply('ERR REPLICAOF not allowed while failing over.');
const PORT_MAX = 65535;

function run(context: Context): void {
  const { args, reply, server, inTransaction } = context;
  const { replication } = server;
  if (replication.isFailingOver) {
    reply.error(FAILING_OVER);
    return;
  }
  let primary: HostAndPort | null = null;
  if (!argumentIs(args, 1, 'NO') || !argumentIs(args, 2, 'ONE')) {
    const port = context.text(2);
    if (!/^\d{1,5}$/.test(port) || Number(port) > PORT_MAX) {
      reply.error(INVALID_PORT);
      return;
    }
    primary = { host: context.text(1), port: Number(port) };
    if (replication.follows(primary)) {
      reply.simple('OK Already connected to specified master');
      return;
    }
  }
  const busy = busyError(context);
  if (busy !== null) {
    reply.error(busy);
    return;
  }
  if (inTransaction) {
    // Nothing may wait inside EXEC: the roles change right after it.
    replication.follow(primary, () => {});
    reply.ok();
    return;
  }
  const suspension = context.suspend(() => {});
  replication.follow(primary, (write) => suspension.resume(write));
}

const common = {
  group: 'server',
  complexity: 'O(1)',
  arity: 3,
  flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
  locks: 'none',
  // A full sync counts as loading here from its first byte on; it must be possible to call it off.
  whileLoading: true,
  run,
} as const;

export const replicaof: CommandDefinition = {
  ...common,
  name: 'replicaof',
  summary: 'Makes the server a replica of another, or a primary',
  since: '5.0.0',
  arguments: [
    {
      name: 'args',
      type: 'oneof',
      arguments: [
        {
          name: 'host-port',
          type: 'block',
          arguments: [
            { name: 'host', type: 'string' },
            { name: 'port', type: 'integer' },
          ],
        },
        {
          name: 'no-one',
          type: 'block',
          arguments: [
            { name: 'no', type: 'pure-token', token: 'NO' },
            { name: 'one', type: 'pure-token', token: 'ONE' },
          ],
        },
      ],
    },
  ],
};

export const slaveof: CommandDefinition = {
  ...common,
  name: 'slaveof',
  summary: 'Makes the server a replica of another, or a primary',
  since: '1.0.0',
  deprecatedSince: '5.0.0',
  replacedBy: '`REPLICAOF`',
  docFlags: ['deprecated'],
  arguments: replicaof.arguments!,
};
