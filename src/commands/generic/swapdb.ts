/** SWAPDB: two databases exchange their content, by exchanging the roots of their tables. */
import { DB_INDEX, FIRST_DB_INDEX, SECOND_DB_INDEX } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { databaseExists, databaseNumber } from './lib/database.js';

function run(context: Context): void {
  const { keys, reply } = context;
  const first = databaseNumber(context, 1, FIRST_DB_INDEX);
  if (Number.isNaN(first)) return;
  const second = databaseNumber(context, 2, SECOND_DB_INDEX);
  if (Number.isNaN(second)) return;
  if (!databaseExists(context, first) || !databaseExists(context, second)) {
    reply.error(DB_INDEX);
    return;
  }
  if (first !== second) keys.swapDatabases(first, second);
  reply.ok();
}

export const swapdb: CommandDefinition = {
  name: 'swapdb',
  summary: 'Exchanges the content of two databases',
  since: '4.0.0',
  group: 'server',
  complexity:
    'O(N) where N is the count of clients watching or blocking on keys from both databases.',
  arity: 3,
  flags: ['write', 'fast'],
  categories: ['keyspace', 'dangerous'],
  arguments: [
    { name: 'index1', type: 'integer' },
    { name: 'index2', type: 'integer' },
  ],
  locks: 'all',
  effect: 'keyless',
  run,
};
