/**
 * PFADD: elements into a HyperLogLog. The effect is the command as it came, as replicas add without
 * a limit for the sparse encoding; when it made the value dense, the effect is the value.
 */
import { EVENT_PFADD } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { edit, isValid, makeRaw, openEdit, writeEdit } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply, settings } = context;
  const found = keys.seek(args, 1);
  if (!openEdit(context, found)) return;
  const bytesMax = settings.sparseHyperLogLogBytesMax;
  for (let i = 2; i < args.count; i++) {
    const state = edit.add(args.region, args.offset[i]!, args.length[i]!, bytesMax);
    if (!isValid(context, state)) return;
  }
  if (edit.changes === 0) {
    makeRaw(context);
    reply.integer(0);
    return;
  }
  const { turnsDense } = edit;
  writeEdit(context, found);
  if (turnsDense) keys.commitValue(EVENT_PFADD);
  else keys.commit(EVENT_PFADD, args);
  reply.integer(1);
}

export const pfadd: CommandDefinition = {
  name: 'pfadd',
  summary: 'Adds elements to a HyperLogLog',
  since: '2.8.9',
  group: 'hyperloglog',
  complexity: 'O(1) for each element',
  arity: -2,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'insert')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'element', type: 'string', flags: ['optional', 'multiple'] },
  ],
  run,
};
