/** PFMERGE: the union of HyperLogLogs, stored in the first key, which is one of them. */
import { EVENT_PFADD } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { counter, edit, isValid, joinAll, openEdit, writeEdit } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply, settings } = context;
  if (!joinAll(context)) return;
  const found = keys.seek(args, 1);
  if (!openEdit(context, found)) return;
  if (counter.hasDense && !isValid(context, edit.toDense())) return;
  const state = edit.raiseAll(counter.registers, settings.sparseHyperLogLogBytesMax);
  if (!isValid(context, state)) return;
  writeEdit(context, found);
  // The sources are other keys, so that the effect is what came of them.
  keys.commitValue(EVENT_PFADD);
  reply.ok();
}

export const pfmerge: CommandDefinition = {
  name: 'pfmerge',
  summary: 'Stores the union of HyperLogLogs',
  since: '2.8.9',
  group: 'hyperloglog',
  complexity: 'O(N) to merge N HyperLogLogs',
  arity: -2,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'insert'), keysAt(2, -1, 1, 'RO', 'access')],
  arguments: [
    { name: 'destkey', type: 'key', keySpecIndex: 0 },
    { name: 'sourcekey', type: 'key', keySpecIndex: 1, flags: ['multiple'] },
  ],
  run,
};
