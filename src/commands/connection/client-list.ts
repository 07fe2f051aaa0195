/** CLIENT LIST [TYPE type] [ID id ...] */
import { SYNTAX } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import type { ClientFilter } from '../contract/server-port.js';
import { clientTypeOf } from './lib/client-type.js';

/** Null: an error was written. */
function parseFilter(context: Context): ClientFilter | null {
  const { args, reply } = context;
  if (args.count === 2) return {};
  if (args.count === 4 && argumentIs(args, 2, 'TYPE')) {
    const type = clientTypeOf(context, 3);
    return type === null ? null : { type };
  }
  if (args.count < 4 || !argumentIs(args, 2, 'ID')) {
    reply.error(SYNTAX);
    return null;
  }
  const ids: number[] = [];
  for (let i = 3; i < args.count; i++) {
    const id = parseIndex(args.region, args.offset[i]!, args.length[i]!);
    if (Number.isNaN(id)) {
      reply.errorText('ERR Invalid client ID');
      return null;
    }
    ids.push(id);
  }
  return { ids };
}

export const clientList: CommandDefinition = {
  name: 'client|list',
  summary: 'Lists the connections of all clients',
  since: '2.4.0',
  group: 'connection',
  complexity: 'O(N) where N is the number of client connections',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'normal_master_replica_pubsub',
      type: 'oneof',
      token: 'TYPE',
      since: '5.0.0',
      flags: ['optional'],
      arguments: [
        { name: 'normal', type: 'pure-token', token: 'NORMAL' },
        { name: 'master', type: 'pure-token', token: 'MASTER' },
        { name: 'replica', type: 'pure-token', token: 'REPLICA' },
        { name: 'pubsub', type: 'pure-token', token: 'PUBSUB' },
      ],
    },
    {
      name: 'id',
      type: 'block',
      token: 'ID',
      since: '6.2.0',
      flags: ['optional'],
      arguments: [{ name: 'client-id', type: 'integer', flags: ['multiple'] }],
    },
  ],
  tips: ['nondeterministic_output'],
  history: [
    ['2.8.12', 'The field id.'],
    ['5.0.0', 'The filter TYPE.'],
    ['6.0.0', 'The field user.'],
    ['6.2.0', 'The fields argv-mem, tot-mem, laddr and redir, and the filter ID.'],
    ['7.0.0', 'The fields resp, multi-mem, rbs and rbp.'],
    ['7.0.3', 'The field ssub.'],
  ],
  locks: 'none',
  run(context) {
    const filter = parseFilter(context);
    if (filter === null) return;
    const lines = context.server.clients.list(filter);
    context.reply.verbatim('txt', lines.map((line) => `${line}\n`).join(''));
  },
};
