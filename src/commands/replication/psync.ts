/**
 * PSYNC and SYNC: a Redis, or who speaks like one, wants to follow this server. The answer, an RDB and the
 * stream of commands come over the client's socket, which leaves the thread that serves clients.
 */
import { NOT_INTEGER } from '../../protocol/errors.js';
import { INTEGER_OK, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';

const parsed = new ParsedInteger();

const common = {
  group: 'server',
  complexity: 'O(1)',
  flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
  locks: 'none',
} as const satisfies Partial<CommandDefinition>;

function begin(context: Context, place: { id: string; offset: number } | null): void {
  const { session, server } = context;
  const suspension = context.suspend(() => {});
  server.replication.redisSync(session, place, (write) => suspension.resume(write));
}

export const psync: CommandDefinition = {
  ...common,
  name: 'psync',
  summary: 'Asks for a sync that may continue an earlier one',
  since: '2.8.0',
  arity: -3,
  arguments: [
    { name: 'replicationid', type: 'string' },
    { name: 'offset', type: 'integer' },
  ],
  run(context) {
    const { args, reply } = context;
    const { region, offset, length } = args;
    if (parseInteger(region, offset[2]!, length[2]!, parsed) !== INTEGER_OK) {
      reply.error(NOT_INTEGER);
      return;
    }
    begin(context, { id: context.text(1), offset: parsed.value });
  },
};

export const sync: CommandDefinition = {
  ...common,
  name: 'sync',
  summary: 'Asks for a full sync',
  since: '1.0.0',
  arity: 1,
  run: (context) => begin(context, null),
};
