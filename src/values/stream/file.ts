/**
 * Streams to and from files: told entry by entry and group by group, and built from batches. A stream
 * that is loaded is attached anew for each batch, as others may have been open in between.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import { copyBytes, Region } from '../../base/region.js';
import { PerSpace } from '../../memory/per-space.js';
import type { Space } from '../../memory/space.js';
import {
  type ConsumerFigures,
  type ElementsInFlight,
  type GroupFigures,
  LOAD_DUPLICATE,
  LOAD_FULL,
  LOADED,
  LoadedValue,
  type LoadLimits,
  type StoredValue,
  type StreamFigures,
  type ValueLoader,
  type ValueSink,
} from '../value-type.js';
import { FieldReader } from './block.js';
import { Count } from './count.js';
import { Groups } from './groups.js';
import { STREAM_KIND, STREAM_ROOT_BYTES } from './layout.js';
import { Stream } from './stream.js';
import { StreamId } from './stream-id.js';
import { streamOfValue } from './views.js';

const ID_BYTES = 16;

const fields = new FieldReader();
const groups = new Groups();
/** More views of the same groups, for what is inside one of them, and inside a consumer. */
const inner = new Groups();
const owner = new Groups();
const id = new StreamId();
const lowest = new StreamId();
const count = new Count();
/** Of streams that are loaded: no command uses them. */
const streams = new PerSpace((space) => new Stream(space));

/** As ValueType.save. */
export function saveStream(value: StoredValue, sink: ValueSink): void {
  const stream = streamOfValue(value);
  for (let more = stream.seek(lowest); more; more = stream.next()) {
    sink.planEntry(entryBytes(stream));
  }
  sink.beginStream();
  for (let more = stream.seek(lowest); more; more = stream.next()) {
    tellEntry(stream, sink.batch);
    if (sink.batch.isFull) sink.deliver();
  }
  sink.deliver();
  groups.open(stream);
  const figures = {
    length: stream.length,
    lastId: stream.lastId(id).toBigInt(),
    firstId: stream.firstId(id).toBigInt(),
    maxDeletedId: stream.deletedId(id).toBigInt(),
    entriesAdded: stream.added(count).toBig(),
  };
  sink.streamState(figures, groups.groupCount);
  for (let more = groups.firstGroup(); more; more = groups.nextGroup()) tellGroup(sink);
  sink.end();
}

/** Bytes of the fields and values of the entry that the stream is at. */
function entryBytes(stream: Stream): number {
  let bytes = 0;
  stream.fields(fields);
  while (fields.left > 0) {
    fields.next();
    bytes += fields.nameLength + fields.valueLength;
  }
  return bytes;
}

function tellEntry(stream: Stream, batch: ElementsInFlight): void {
  tellId(stream.id, batch);
  stream.fields(fields);
  while (fields.left > 0) {
    fields.next();
    const { region, nameOffset, nameLength, valueLength } = fields;
    const name = batch.take(nameLength);
    copyBytes(batch.region, batch.offset[name]!, region, nameOffset, nameLength);
    const slot = batch.take(valueLength);
    fields.copyValue(batch.region, batch.offset[slot]!);
  }
  batch.entryEnd[batch.entries++] = batch.count;
}

/** @returns the slot */
function tellId(told: StreamId, batch: ElementsInFlight): number {
  const slot = batch.take(ID_BYTES);
  told.write(batch.region, batch.offset[slot]!);
  return slot;
}

/** Tells the group that `groups` is at. */
function tellGroup(sink: ValueSink): void {
  const { name, lastId, entriesRead, number } = groups;
  const { batch } = sink;
  const { region, offset, length } = name;
  inner.open(groups.opened);
  inner.number = number;
  const figures = {
    region,
    offset,
    length,
    lastId: lastId.toBigInt(),
    entriesRead: entriesRead.toBig(),
  };
  sink.streamGroup(figures, inner.pendingCount);
  for (let more = inner.seekPending(lowest); more; more = inner.nextPending()) {
    const slot = tellId(inner.id, batch);
    batch.deliveredMs[slot] = inner.deliveredMs;
    batch.deliveries[slot] = inner.deliveries.number;
    if (batch.isFull) sink.deliver();
  }
  sink.deliver();
  sink.streamConsumers(inner.consumerCount);
  for (let more = inner.firstConsumer(); more; more = inner.nextConsumer()) {
    tellConsumer(sink);
  }
}

/** Tells the consumer that `inner` is at. */
function tellConsumer(sink: ValueSink): void {
  const { consumerName, seenMs } = inner;
  const { region, offset, length } = consumerName;
  owner.open(groups.opened);
  owner.consumer = inner.consumer;
  const figures = { region, offset, length, seenMs, activeMs: seenMs };
  sink.streamConsumer(figures, owner.ownedCount);
  for (let more = owner.seekOwned(lowest); more; more = owner.nextOwned()) {
    tellId(owner.id, sink.batch);
    if (sink.batch.isFull) sink.deliver();
  }
  sink.deliver();
}

/** The fields and values of one entry among the slots of a batch. */
class EntryFields implements ArgumentVector {
  region!: Region;
  count = 0;
  offset!: Int32Array;
  length!: Int32Array;
}

export class StreamLoader implements ValueLoader {
  readonly value = new LoadedValue();
  private readonly root = new Region(new SharedArrayBuffer(STREAM_ROOT_BYTES), 0);
  private readonly entry = new EntryFields();
  private readonly id = new StreamId();
  private readonly groups = new Groups();
  private limits!: LoadLimits;
  /** Numbers of the group and the consumer told last. */
  private group = 0;
  private consumer = 0;

  begin(space: Space, limits: LoadLimits): void {
    const { value, root } = this;
    this.limits = limits;
    streams.of(space).create(0, root);
    value.space = space;
    value.kind = STREAM_KIND;
    value.region = root;
    value.valueLength = STREAM_ROOT_BYTES;
  }

  private attached(): Stream {
    return streams.of(this.value.space).attach(0, this.root);
  }

  private opened(): Groups {
    const { groups: view } = this;
    view.open(this.attached());
    view.number = this.group;
    view.consumer = this.consumer;
    return view;
  }

  add(batch: ElementsInFlight): number {
    const { entry, limits } = this;
    const stream = this.attached();
    entry.region = batch.region;
    entry.offset = batch.offset;
    entry.length = batch.length;
    let slot = 0;
    for (let i = 0; i < batch.entries; i++) {
      this.id.read(batch.region, batch.offset[slot]!);
      entry.count = batch.entryEnd[i]!;
      const { streamNodeBytesMax, streamNodeEntriesMax } = limits;
      const done = stream.append(
        this.id,
        entry,
        slot + 1,
        streamNodeBytesMax,
        streamNodeEntriesMax,
      );
      if (!done) return this.full(stream);
      slot = entry.count;
    }
    return LOADED;
  }

  private full(stream: Stream): number {
    stream.clear();
    return LOAD_FULL;
  }

  streamState({ lastId, maxDeletedId, entriesAdded }: StreamFigures): void {
    const stream = this.attached();
    stream.setLastId(this.id.setBigInt(lastId));
    stream.setDeletedId(this.id.setBigInt(maxDeletedId));
    stream.setAdded(count.setBig(entriesAdded));
  }

  streamGroup({ region, offset, length, lastId, entriesRead }: GroupFigures): number {
    this.group = 0;
    this.consumer = 0;
    const view = this.opened();
    if (view.findGroup(region, offset, length)) return LOAD_DUPLICATE;
    const read = count.setBig(entriesRead);
    const last = this.id.setBigInt(lastId);
    if (!view.addGroup(region, offset, length, last, read)) return this.full(view.opened);
    view.findGroup(region, offset, length);
    this.group = view.number;
    return LOADED;
  }

  streamConsumer({ region, offset, length, seenMs }: ConsumerFigures): number {
    this.consumer = 0;
    const view = this.opened();
    if (view.findConsumer(region, offset, length)) return LOAD_DUPLICATE;
    if (!view.addConsumer(region, offset, length, seenMs)) return this.full(view.opened);
    this.consumer = view.consumer;
    return LOADED;
  }

  streamPending(batch: ElementsInFlight): number {
    const view = this.opened();
    for (let i = 0; i < batch.count; i++) {
      this.id.read(batch.region, batch.offset[i]!);
      count.set(batch.deliveries[i]!);
      if (!view.deliver(this.id, batch.deliveredMs[i]!, count)) return this.full(view.opened);
    }
    return LOADED;
  }
}
