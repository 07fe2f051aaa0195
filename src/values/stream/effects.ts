/**
 * The commands that rebuild a stream: its entries, what the root says beyond them, then each group with
 * its consumers and pending entries.
 *
 *     DEL key
 *     XADD key id field value …              for each entry
 *     XADD key MAXLEN 0 id x y               when there is none
 *     XSETID key id ENTRIESADDED n MAXDELETEDID id
 *     XGROUP CREATE key group id ENTRIESREAD n
 *     XGROUP CREATECONSUMER key group consumer
 *     XCLAIM key group consumer 0 id TIME ms RETRYCOUNT n FORCE JUSTID
 *
 * Who replays XCLAIM takes a pending entry also when the stream has that entry no longer.
 */
import { Region } from '../../base/region.js';
import type { StoredValue, ValueEffects } from '../value-type.js';
import { FieldReader } from './block.js';
import { Groups } from './groups.js';
import type { Stream } from './stream.js';
import { idText, StreamId } from './stream-id.js';
import { streamOfValue } from './views.js';

const INTEGER_TEXT_BYTES = 24;
/** An id that any stream's last id may follow. */
const ID_OF_NOTHING = '0-1';

const text = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);
const fields = new FieldReader();
const groups = new Groups();
const id = new StreamId();
const deleted = new StreamId();

export function emitStream(value: StoredValue, effects: ValueEffects): void {
  const stream = streamOfValue(value);
  for (let more = stream.seek(id.setLowest()); more; more = stream.next()) {
    emitEntry(stream, effects);
  }
  emitRest(value, effects);
}

/** The entry that the stream is at. */
export function emitEntry(stream: Stream, effects: ValueEffects): void {
  addId(effects.begin('XADD'), stream.id);
  stream.fields(fields);
  while (fields.left > 0) {
    fields.next();
    effects.bytes(fields.region, fields.nameOffset, fields.nameLength);
    if (fields.isInteger) {
      fields.copyValue(text, 0);
      effects.bytes(text, 0, fields.valueLength);
    } else effects.bytes(fields.region, fields.valueOffset, fields.valueLength);
  }
  effects.end();
}

/** What follows the entries. */
export function emitRest(value: StoredValue, effects: ValueEffects): void {
  const stream = streamOfValue(value);
  if (stream.length === 0) {
    effects.begin('XADD').word('MAXLEN').word('0').word(ID_OF_NOTHING).word('x').word('y').end();
  }
  stream.lastId(id);
  stream.deletedId(deleted);
  // XSETID has lowered the last id: one command cannot say both.
  const isLowered = id.compare(deleted) < 0;
  addId(effects.begin('XSETID'), isLowered ? deleted : id);
  effects.word('ENTRIESADDED').word(String(stream.added));
  addId(effects.word('MAXDELETEDID'), deleted).end();
  if (isLowered) addId(effects.begin('XSETID'), id).end();
  groups.open(stream);
  for (let more = groups.firstGroup(); more; more = groups.nextGroup()) emitGroup(effects);
}

function emitGroup(effects: ValueEffects): void {
  const { name, lastId, entriesRead } = groups;
  effects.begin('XGROUP', 'CREATE').bytes(name.region, name.offset, name.length);
  addId(effects, lastId).word('ENTRIESREAD').word(String(entriesRead)).end();
  const inner = consumers;
  inner.open(groups.opened);
  inner.number = groups.number;
  for (let more = inner.firstConsumer(); more; more = inner.nextConsumer()) {
    const { consumerName } = inner;
    effects.begin('XGROUP', 'CREATECONSUMER').bytes(name.region, name.offset, name.length);
    effects.bytes(consumerName.region, consumerName.offset, consumerName.length).end();
  }
  for (let more = inner.seekPending(id.setLowest()); more; more = inner.nextPending()) {
    const owner = inner.nameOfOwner();
    effects.begin('XCLAIM').bytes(name.region, name.offset, name.length);
    effects.bytes(owner.region, owner.offset, owner.length).word('0');
    addClaim(addId(effects, inner.id), inner.deliveredMs, inner.deliveries).end();
  }
}

/** A second view of the same groups, for what is inside one of them. */
const consumers = new Groups();

/** The options of XCLAIM that say what a pending entry is. */
export function addClaim(
  effects: ValueEffects,
  deliveredMs: number,
  deliveries: bigint,
): ValueEffects {
  effects.word('TIME').word(String(deliveredMs)).word('RETRYCOUNT').word(String(deliveries));
  return effects.word('FORCE').word('JUSTID');
}

export function addId(effects: ValueEffects, value: StreamId): ValueEffects {
  return effects.bytes(idText, 0, value.writeText(idText, 0));
}
