/**
 * The bytes of a stream in an RDB file of Redis 7, as it would be had its entries been appended there:
 * nodes of listpacks of up to 4096 bytes and 100 entries, then the figures of the root and the groups.
 */
import {
  LISTPACK_BYTES,
  listpackElementBytes,
  savedLengthBytes,
  savedStringBytes,
} from '../saved-length.js';
import type { StoredValue } from '../value-type.js';
import { FieldReader } from './block.js';
import { Count } from './count.js';
import { Groups } from './groups.js';
import { StreamId } from './stream-id.js';
import { streamOfValue } from './views.js';

const NODE_BYTES_MAX = 4096;
const NODE_ENTRIES_MAX = 100;
const ID_BYTES = 16;
const TIME_BYTES = 8;
const TWO_32 = 2 ** 32;

const fields = new FieldReader();
const groups = new Groups();
const consumers = new Groups();
const count = new Count();
const id = new StreamId();
const master = new StreamId();

function numberBytes(value: number): number {
  return listpackElementBytes(0, value);
}

/** Of an id: its parts as lengths of an RDB file. */
function idBytes(value: StreamId): number {
  return partBytes(value.msHigh, value.msLow) + partBytes(value.seqHigh, value.seqLow);
}

function partBytes(high: number, low: number): number {
  if (high !== 0) return 9;
  return savedLengthBytes(low >>> 0);
}

function distance(high: number, low: number, fromHigh: number, fromLow: number): number {
  return ((high >>> 0) - (fromHigh >>> 0)) * TWO_32 + ((low >>> 0) - (fromLow >>> 0));
}

export function serializedStream(value: StoredValue): number {
  const stream = streamOfValue(value);
  let nodes = 0;
  let sum = 0;
  let listpack = 0;
  let entries = 0;
  let names = '';
  for (let more = stream.seek(id.setLowest()); more; more = stream.next()) {
    stream.fields(fields);
    const count = fields.left;
    let own = 0;
    let values = 0;
    let given = 0;
    let these = '';
    while (fields.left > 0) {
      fields.next();
      const integer = fields.isInteger ? fields.integer.number : Number.NaN;
      values += listpackElementBytes(fields.valueLength, integer);
      given += fields.nameLength + fields.valueLength;
      own += listpackElementBytes(fields.nameLength, Number.NaN);
      these += `${fields.nameLength}:${nameText()}`;
    }
    const full =
      entries === NODE_ENTRIES_MAX || listpack + numberBytes(entries) + given >= NODE_BYTES_MAX;
    if (entries === 0 || full) {
      if (entries > 0) sum += nodeBytes(listpack, entries);
      nodes++;
      entries = 0;
      names = these;
      master.copyFrom(stream.id);
      // Entries, deleted ones, fields, the fields' names, 0.
      listpack = LISTPACK_BYTES + numberBytes(0) + numberBytes(count) + own + numberBytes(0);
    }
    const same = these === names;
    const { msHigh, msLow, seqHigh, seqLow } = stream.id;
    listpack += numberBytes(same ? 2 : 0) + values + (same ? 0 : own + numberBytes(count));
    listpack += numberBytes(distance(msHigh, msLow, master.msHigh, master.msLow));
    listpack += numberBytes(distance(seqHigh, seqLow, master.seqHigh, master.seqLow));
    listpack += numberBytes(same ? count + 3 : 2 * count + 4);
    entries++;
  }
  if (entries > 0) sum += nodeBytes(listpack, entries);
  return savedLengthBytes(nodes) + sum + figures(value) + groupBytes(value);
}

function nameText(): string {
  return Buffer.from(
    fields.region.bytes.slice(fields.nameOffset, fields.nameOffset + fields.nameLength),
  ).toString('latin1');
}

function nodeBytes(listpack: number, entries: number): number {
  const bytes = listpack + numberBytes(entries);
  return savedStringBytes(ID_BYTES, Number.NaN) + savedStringBytes(bytes, Number.NaN);
}

function figures(value: StoredValue): number {
  const stream = streamOfValue(value);
  const ids = idBytes(stream.lastId(id)) + idBytes(stream.firstId(id));
  const added = stream.added(count).number;
  const lengths = savedLengthBytes(stream.length) + savedLengthBytes(added);
  return lengths + ids + idBytes(stream.deletedId(id));
}

function groupBytes(value: StoredValue): number {
  const stream = streamOfValue(value);
  groups.open(stream);
  consumers.open(stream);
  let sum = savedLengthBytes(groups.groupCount);
  for (let more = groups.firstGroup(); more; more = groups.nextGroup()) {
    consumers.number = groups.number;
    const pending = groups.pendingCount;
    const read = groups.entriesRead.isNegative ? 9 : savedLengthBytes(groups.entriesRead.number);
    sum += savedStringBytes(groups.name.length, Number.NaN) + idBytes(groups.lastId) + read;
    sum += savedLengthBytes(pending) + savedLengthBytes(groups.consumerCount);
    for (let next = consumers.seekPending(id.setLowest()); next; next = consumers.nextPending()) {
      sum += ID_BYTES + TIME_BYTES + savedLengthBytes(consumers.deliveries.number);
    }
    for (let next = consumers.firstConsumer(); next; next = consumers.nextConsumer()) {
      const owned = consumers.ownedCount;
      sum += savedStringBytes(consumers.consumerName.length, Number.NaN) + TIME_BYTES;
      sum += savedLengthBytes(owned) + owned * ID_BYTES;
    }
  }
  return sum;
}
