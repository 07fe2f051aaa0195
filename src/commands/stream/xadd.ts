/** XADD: appends an entry, and trims the stream if it is told to. */
import { EVENT_XADD } from '../../keyspace/events.js';
import { ErrorReply, wrongArity } from '../../protocol/errors.js';
import { STREAM_KIND } from '../../values/stream/layout.js';
import type { Stream } from '../../values/stream/stream.js';
import { addId, StreamId } from '../../values/stream/stream-id.js';
import { buildStream } from '../../values/stream/views.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { STRATEGY, trim } from './lib/trim.js';
import { isStream, KEY, replyId, storeBuilt, streamFound } from './lib/values.js';

const ID_ZERO = new ErrorReply('ERR The ID specified in XADD must be greater than 0-0');
const EXHAUSTED = new ErrorReply(
  'ERR The stream has exhausted the last possible ID, unable to add more items',
);
const ID_NOT_ABOVE = new ErrorReply(
  'ERR The ID specified in XADD is equal or smaller than the target stream top item',
);
/** Redis has no text of its own for it. */
const NO_SEQUENCE_LEFT = new ErrorReply('ERR Elements are too large to be stored');
const WRONG_ARITY = wrongArity('xadd');

const id = new StreamId();
const last = new StreamId();

function run(context: Context): void {
  const { args, keys, reply } = context;
  const idIndex = trim.parse(context, true);
  if (idIndex < 0) return;
  const first = idIndex + 1;
  const words = args.count - first;
  if (words < 2 || words % 2 === 1) {
    reply.error(WRONG_ARITY);
    return;
  }
  if (trim.idIsGiven && trim.sequenceIsGiven && trim.id.isZero) {
    reply.error(ID_ZERO);
    return;
  }
  const found = keys.seek(args, 1);
  if (found && !isStream(context)) return;
  if (!found && !trim.makesStream) {
    reply.nullBulk();
    return;
  }
  if (found) streamFound(context).lastId(last);
  else last.setLowest();
  if (!chooseId(context)) return;
  add(context, found, first);
  replyId(reply, id);
  const effect = keys.custom(EVENT_XADD, 'XADD');
  addId(effect, id);
  for (let i = first; i < args.count; i++) effect.argument(args, i);
  effect.end();
  if (trim.trims) trim.apply(context);
}

/** Sets `id`. False: the error is answered. */
function chooseId({ now, reply }: Context): boolean {
  if (last.isHighest) {
    reply.error(EXHAUSTED);
    return false;
  }
  if (!trim.idIsGiven) {
    id.setTime(now);
    if (!isLater(id, last)) id.copyFrom(last).increment();
    return true;
  }
  id.copyFrom(trim.id);
  if (!trim.sequenceIsGiven && id.hasSameTime(last)) {
    id.copyFrom(last);
    if (id.increment() && id.hasSameTime(last)) return true;
    reply.error(NO_SEQUENCE_LEFT);
    return false;
  }
  if (id.compare(last) > 0) return true;
  reply.error(ID_NOT_ABOVE);
  return false;
}

/** Whether the milliseconds of an id are above those of another. */
function isLater(one: StreamId, other: StreamId): boolean {
  return !one.hasSameTime(other) && one.compare(other) > 0;
}

/** Begins appending the entry; a commit follows. @throws StoreFullError */
function add(context: Context, found: boolean, first: number): void {
  const { keys } = context;
  if (found) {
    if (!append(context, streamFound(context), first)) throw keys.full();
    keys.beginEdit(STREAM_KIND, keys.valueLength, true);
    return;
  }
  const stream = buildStream(keys.space);
  if (!append(context, stream, first)) throw keys.full();
  storeBuilt(context, stream);
}

function append({ args, settings }: Context, stream: Stream, first: number): boolean {
  const { streamNodeBytesMax, streamNodeEntriesMax } = settings;
  return stream.append(id, args, first, streamNodeBytesMax, streamNodeEntriesMax);
}

export const xadd: CommandDefinition = {
  name: 'xadd',
  summary: 'Appends an entry to a stream',
  since: '5.0.0',
  group: 'stream',
  complexity:
    'O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.',
  arity: -5,
  flags: ['write', 'denyoom', 'fast'],
  keys: [
    {
      ...keysAt(1, 0, 1, 'RW', 'update'),
      notes: 'UPDATE instead of INSERT because of the optional trimming feature',
    },
  ],
  arguments: [
    KEY,
    {
      name: 'nomkstream',
      type: 'pure-token',
      token: 'NOMKSTREAM',
      since: '6.2.0',
      flags: ['optional'],
    },
    { name: 'trim', type: 'block', flags: ['optional'], arguments: STRATEGY },
    {
      name: 'id_or_auto',
      type: 'oneof',
      arguments: [
        { name: 'auto_id', type: 'pure-token', token: '*' },
        { name: 'id', type: 'string' },
      ],
    },
    {
      name: 'field_value',
      type: 'block',
      flags: ['multiple'],
      arguments: [
        { name: 'field', type: 'string' },
        { name: 'value', type: 'string' },
      ],
    },
  ],
  elements: { by: 'new-entry' },
  tips: ['nondeterministic_output'],
  history: [
    ['6.2.0', 'Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option.'],
    ['7.0.0', 'Added support for the `<ms>-*` explicit ID form.'],
  ],
  run,
};
