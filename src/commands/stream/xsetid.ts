/** XSETID: sets the last id of a stream, and what it remembers of entries that are gone. */
import { EVENT_XSETID } from '../../keyspace/events.js';
import { ErrorReply, NO_KEY, NOT_INTEGER, SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import { Count } from '../../values/stream/count.js';
import { STREAM_KIND } from '../../values/stream/layout.js';
import { StreamId } from '../../values/stream/stream-id.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { countAt } from './lib/count.js';
import { idAt, isStream, KEY, streamFound } from './lib/values.js';

const ADDED_NEGATIVE = new ErrorReply('ERR entries_added must be positive');
const BELOW_GIVEN = new ErrorReply(
  'ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id',
);
const BELOW_TOP = new ErrorReply(
  'ERR The ID specified in XSETID is smaller than the target stream top item',
);
const ADDED_TOO_FEW = new ErrorReply(
  'ERR The entries_added specified in XSETID is smaller than the target stream length',
);

const id = new StreamId();
const deleted = new StreamId();
const other = new StreamId();
const added = new Count();
let addedIsGiven = false;

function parse(context: Context): boolean {
  const { args, reply } = context;
  addedIsGiven = false;
  deleted.setLowest();
  if (!idAt(context, 2, id)) return false;
  for (let i = 3; i < args.count; i += 2) {
    if (i + 1 < args.count && argumentIs(args, i, 'ENTRIESADDED')) {
      if (!countAt(context, i + 1, NOT_INTEGER, added)) return false;
      if (added.isNegative && !context.settings.replaysEffects) {
        reply.error(ADDED_NEGATIVE);
        return false;
      }
      addedIsGiven = true;
    } else if (i + 1 < args.count && argumentIs(args, i, 'MAXDELETEDID')) {
      if (!idAt(context, i + 1, deleted)) return false;
      if (id.compare(deleted) < 0) {
        reply.error(BELOW_GIVEN);
        return false;
      }
    } else {
      reply.error(SYNTAX);
      return false;
    }
  }
  return true;
}

function run(context: Context): void {
  const { args, keys, reply, settings } = context;
  if (!parse(context)) return;
  if (!keys.seek(args, 1)) {
    reply.error(NO_KEY);
    return;
  }
  if (!isStream(context)) return;
  const stream = streamFound(context);
  const isEmpty = stream.length === 0;
  if (!isEmpty && id.compare(stream.topId(other)) < 0) reply.error(BELOW_TOP);
  else if (!isEmpty && addedIsGiven && !settings.replaysEffects && added.number < stream.length) {
    reply.error(ADDED_TOO_FEW);
  } else {
    stream.setLastId(id);
    if (addedIsGiven) stream.setAdded(added);
    if (!deleted.isZero) stream.setDeletedId(deleted);
    keys.beginEdit(STREAM_KIND, keys.valueLength, true);
    keys.commit(EVENT_XSETID, args);
    reply.ok();
  }
}

export const xsetid: CommandDefinition = {
  name: 'xsetid',
  summary: 'Sets the last id of a stream',
  since: '5.0.0',
  group: 'stream',
  complexity: 'O(1)',
  arity: -3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: [
    KEY,
    { name: 'last-id', type: 'string' },
    {
      name: 'entries_added',
      type: 'integer',
      token: 'ENTRIESADDED',
      since: '7.0.0',
      flags: ['optional'],
    },
    {
      name: 'max_deleted_entry_id',
      type: 'string',
      token: 'MAXDELETEDID',
      since: '7.0.0',
      flags: ['optional'],
    },
  ],
  elements: { by: 'figures' },
  history: [['7.0.0', 'Added the `entries_added` and `max_deleted_entry_id` arguments.']],
  run,
};
