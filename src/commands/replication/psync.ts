/** PSYNC and SYNC: what a Redis asks that wants to be our replica. It is told that it cannot. */
import { ErrorReply } from '../../protocol/errors.js';
import type { CommandDefinition } from '../contract/definition.js';

const NOT_FOR_REDIS = new ErrorReply(
  'ERR Darter serves replicas of its own kind only: the RDB stream that Redis wants is not there yet',
);

const common = {
  group: 'server',
  complexity: 'O(1)',
  flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
  locks: 'none',
  run: ({ reply }) => reply.error(NOT_FOR_REDIS),
} as const satisfies Partial<CommandDefinition>;

export const psync: CommandDefinition = {
  ...common,
  name: 'psync',
  summary: 'Asks for a sync that may continue an earlier one; refused',
  since: '2.8.0',
  arity: -3,
  arguments: [
    { name: 'replicationid', type: 'string' },
    { name: 'offset', type: 'integer' },
  ],
};

export const sync: CommandDefinition = {
  ...common,
  name: 'sync',
  summary: 'Asks for a full sync; refused',
  since: '1.0.0',
  arity: 1,
};
