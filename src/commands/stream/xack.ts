/** XACK: a consumer is done with entries; they are pending no longer. */
import { STREAM_KIND } from '../../values/stream/layout.js';
import { StreamId } from '../../values/stream/stream-id.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { findGroup, groups } from './lib/group.js';
import { ids, isStream, KEY, takeIds } from './lib/values.js';

const id = new StreamId();

function run(context: Context): void {
  const { args, keys, reply } = context;
  const found = keys.seekForRead(args, 1);
  if (found && !isStream(context)) return;
  if (!found || !findGroup(context, 2)) {
    reply.integer(0);
    return;
  }
  if (!takeIds(context, 3, args.count, id)) return;
  let acknowledged = 0;
  for (let i = 0; i < ids.count; i++) if (groups.acknowledge(ids.get(i, id))) acknowledged++;
  if (acknowledged > 0) {
    keys.beginEdit(STREAM_KIND, keys.valueLength, true);
    const effect = keys.customUnsignalled('XACK');
    for (let i = 2; i < args.count; i++) effect.argument(args, i);
    effect.end();
  }
  reply.integer(acknowledged);
}

export const xack: CommandDefinition = {
  name: 'xack',
  summary: 'Acknowledges entries that are pending for consumers of a group',
  since: '5.0.0',
  group: 'stream',
  complexity: 'O(1) for each message ID processed.',
  arity: -4,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: [
    KEY,
    { name: 'group', type: 'string' },
    { name: 'id', type: 'string', flags: ['multiple'] },
  ],
  elements: { by: 'group', group: 2 },
  run,
};
