/** LSET: another element at an index of a list. */
import { EVENT_LSET } from '../../keyspace/events.js';
import { INDEX_OUT_OF_RANGE, NO_KEY, NOT_INTEGER } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { replace, replacement } from './lib/edit.js';
import { isList, KEY, list } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seek(args, 1)) {
    reply.error(NO_KEY);
    return;
  }
  if (!isList(context)) return;
  const given = parseIndex(args.region, args.offset[2]!, args.length[2]!);
  if (Number.isNaN(given)) {
    reply.error(NOT_INTEGER);
    return;
  }
  list.open(keys);
  const index = given < 0 ? given + list.count : given;
  if (index < 0 || index >= list.count) {
    reply.error(INDEX_OUT_OF_RANGE);
    return;
  }
  replacement.index = index;
  replacement.source = args.region;
  replacement.offset = args.offset[3]!;
  replacement.length = args.length[3]!;
  replace(keys);
  keys.commit(EVENT_LSET, args);
  reply.ok();
}

export const lset: CommandDefinition = {
  name: 'lset',
  summary: 'Puts another element in the place of the one at an index of a list',
  since: '1.0.0',
  group: 'list',
  complexity:
    'O(N) where N is the length of the list. Setting either the first or the last element of the ' +
    'list is O(1).',
  arity: 4,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: [KEY, { name: 'index', type: 'integer' }, { name: 'element', type: 'string' }],
  elements: { by: 'replace' },
  run,
};
