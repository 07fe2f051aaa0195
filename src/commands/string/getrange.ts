/** GETRANGE, and SUBSTR, its name from before 2.0: a part of a value. */
import { NOT_INTEGER } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { rangeEndAt } from './lib/range.js';
import { isString } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  const start = rangeEndAt(args, 2);
  const end = rangeEndAt(args, 3);
  if (Number.isNaN(start) || Number.isNaN(end)) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (!keys.seekForRead(args, 1)) {
    reply.emptyBulk();
    return;
  }
  if (!isString(context)) return;
  const length = keys.valueLength;
  // Two negative ends in the wrong order mean nothing, even where both would become 0.
  const first = Math.max(0, start < 0 ? start + length : start);
  const last = Math.min(length - 1, Math.max(0, end < 0 ? end + length : end));
  if ((start < 0 && end < 0 && start > end) || first > last) reply.emptyBulk();
  else reply.bulk(keys.region, keys.valueOffset + first, last - first + 1);
}

export const getrange: CommandDefinition = {
  name: 'getrange',
  summary: 'Returns a part of the string stored under a key',
  since: '2.4.0',
  group: 'string',
  complexity: 'O(N) where N is the length of what is returned',
  arity: 4,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'start', type: 'integer' },
    { name: 'end', type: 'integer' },
  ],
  run,
};

export const substr: CommandDefinition = {
  name: 'substr',
  summary: 'Returns a part of the string stored under a key',
  since: '1.0.0',
  group: 'string',
  complexity: 'O(N) where N is the length of what is returned',
  arity: 4,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'start', type: 'integer' },
    { name: 'end', type: 'integer' },
  ],
  docFlags: ['deprecated'],
  deprecatedSince: '2.0.0',
  replacedBy: '`GETRANGE`',
  run,
};
