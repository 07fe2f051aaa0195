/** XDEL: removes entries by id. */
import { EVENT_XDEL } from '../../keyspace/events.js';
import { STREAM_KIND } from '../../values/stream/layout.js';
import { StreamId } from '../../values/stream/stream-id.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { ids, isStream, KEY, streamFound, takeIds } from './lib/values.js';

const id = new StreamId();
const highest = new StreamId();

function run(context: Context): void {
  const { args, keys, reply } = context;
  if (!keys.seek(args, 1)) {
    reply.integer(0);
    return;
  }
  if (!isStream(context) || !takeIds(context, 2, args.count, id)) return;
  const stream = streamFound(context);
  stream.deletedId(highest);
  let removed = 0;
  for (let i = 0; i < ids.count; i++) {
    if (!stream.remove(ids.get(i, id))) continue;
    if (id.compare(highest) > 0) highest.copyFrom(id);
    removed++;
  }
  if (removed > 0) {
    stream.setDeletedId(highest);
    keys.beginEdit(STREAM_KIND, keys.valueLength, true);
    keys.commit(EVENT_XDEL, args);
  }
  reply.integer(removed);
}

export const xdel: CommandDefinition = {
  name: 'xdel',
  summary: 'Removes entries from a stream',
  since: '5.0.0',
  group: 'stream',
  complexity: 'O(1) for each single item to delete in the stream, regardless of the stream size.',
  arity: -3,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'delete')],
  arguments: [KEY, { name: 'id', type: 'string', flags: ['multiple'] }],
  // The entries that a replica has not are not there for it to remove.
  elements: { by: 'each' },
  run,
};
