/** For tests: files and payloads written from plain objects, in batches as a store would make them. */
import { randomFillSync } from 'node:crypto';
import { type Region, toBinary } from '../../base/region.js';
import { ElementBatch, STREAM_ID_BYTES } from './batch.js';
import { DumpWriter } from './dump-writer.js';
import { newRegion } from './input.js';
import { NodePlan } from './node-plan.js';
import {
  byBytes,
  type ModelField,
  type ModelGroup,
  type ModelKey,
  type ModelMember,
  type ModelStream,
  type ModelValue,
} from './testing.js';
import { RdbKey } from './visitor.js';
import { type FileSettings, RdbWriter, type WriteOptions } from './writer.js';

/** What values are written to: a file or a payload. */
type ValueSink = Pick<RdbWriter, 'collections' | 'lists' | 'streams'>;

class Place {
  region: Region = newRegion(8);
  readonly offset = 0;
  length = 0;

  set(text: string): this {
    this.region = newRegion(Math.max(text.length, 8));
    this.length = text.length;
    for (let i = 0; i < text.length; i++) this.region.bytes[i] = text.charCodeAt(i);
    return this;
  }
}

/** Passes elements on in batches of random size, as a store would. */
class Batches {
  readonly batch = new ElementBatch();
  private readonly place = new Place();

  constructor(private readonly take: (batch: ElementBatch) => void) {}

  add(text: string): number {
    const { region, offset, length } = this.place.set(text);
    return this.batch.add(region, offset, length);
  }

  addId(id: bigint): number {
    const slot = this.batch.take(STREAM_ID_BYTES);
    const { region, offset } = this.batch;
    region.view.setBigUint64(offset[slot]!, id >> 64n, false);
    region.view.setBigUint64(offset[slot]! + 8, BigInt.asUintN(64, id), false);
    return slot;
  }

  pause(): void {
    if (this.batch.isFull || randomFillSync(new Uint8Array(1))[0]! < 16) this.end();
  }

  end(): void {
    if (this.batch.count > 0) this.take(this.batch);
    this.batch.clear();
  }
}

function writeElements(
  take: (batch: ElementBatch) => void,
  count: number,
  put: (batches: Batches, index: number) => void,
): void {
  const batches = new Batches(take);
  for (let i = 0; i < count; i++) {
    put(batches, i);
    batches.pause();
  }
  batches.end();
}

/** Begins and writes a collection; `begin` is the file's or the payload's. */
export function writeCollection(value: ModelValue, sink: ValueSink, begin: Beginnings): void {
  const { collections, lists } = sink;
  if (value.kind === 'list') {
    const plan = new NodePlan();
    for (const element of value.elements) plan.addElement(element.length);
    begin.list(plan.nodes);
    writeElements(
      (batch) => lists.listElements(batch),
      value.elements.length,
      (batches, i) => batches.add(value.elements[i]!),
    );
    lists.end();
  } else if (value.kind === 'set') {
    begin.set(value.members.length);
    writeElements(
      (batch) => collections.setMembers(batch),
      value.members.length,
      (batches, i) => batches.add(value.members[i]!),
    );
    collections.end();
  } else if (value.kind === 'zset') {
    writeSortedSet(value.members, sink, begin);
  } else if (value.kind === 'hash') {
    writeHash(value.fields, sink, begin);
  } else if (value.kind === 'stream') {
    writeStream(value.stream, sink, begin);
  }
}

export interface Beginnings {
  list(nodes: number): void;
  set(count: number): void;
  hash(count: number, leastExpiryMs: number): void;
  sortedSet(count: number): void;
  stream(nodes: number): void;
}

function writeSortedSet(members: ModelMember[], sink: ValueSink, begin: Beginnings): void {
  const sorted = [...members].sort((a, b) => a.score - b.score || byBytes(a.member, b.member));
  begin.sortedSet(sorted.length);
  writeElements(
    (batch) => sink.collections.sortedSetMembers(batch),
    sorted.length,
    (batches, i) => {
      batches.batch.score[batches.add(sorted[i]!.member)] = sorted[i]!.score;
    },
  );
  sink.collections.end();
}

function writeHash(fields: ModelField[], sink: ValueSink, begin: Beginnings): void {
  const expiring = fields.map((one) => one.expiryMs).filter((expiryMs) => expiryMs >= 0);
  begin.hash(fields.length, expiring.length > 0 ? Math.min(...expiring) : -1);
  writeElements(
    (batch) => sink.collections.hashFields(batch),
    fields.length,
    (batches, i) => {
      const slot = batches.add(fields[i]!.field);
      batches.add(fields[i]!.value);
      batches.batch.expiryMs[slot >>> 1] = fields[i]!.expiryMs;
    },
  );
  sink.collections.end();
}

function writeStream(stream: ModelStream, sink: ValueSink, begin: Beginnings): void {
  const { streams } = sink;
  const plan = new NodePlan();
  for (const { fields } of stream.entries) plan.addEntry(fields.join('').length);
  begin.stream(plan.nodes);
  writeElements(
    (batch) => streams.streamEntries(batch),
    stream.entries.length,
    (batches, i) => {
      const { id, fields } = stream.entries[i]!;
      batches.addId(id);
      for (const field of fields) batches.add(field);
      batches.batch.entryEnd[batches.batch.entries++] = batches.batch.count;
    },
  );
  streams.streamState(stream.state!);
  streams.groups(stream.groups.length);
  for (const group of stream.groups) writeGroup(group, sink);
}

function writeGroup(group: ModelGroup, { streams }: ValueSink): void {
  const all = group.consumers.flatMap((one) => one.pending);
  all.sort((a, b) => (a.id < b.id ? -1 : 1));
  const { region, offset, length } = new Place().set(group.name);
  const { lastId, entriesRead } = group;
  streams.group({ region, offset, length, lastId, entriesRead }, all.length);
  writeElements(
    (batch) => streams.pending(batch),
    all.length,
    (batches, i) => {
      const slot = batches.addId(all[i]!.id);
      batches.batch.deliveredMs[slot] = all[i]!.deliveredMs;
      batches.batch.deliveries[slot] = all[i]!.deliveries;
    },
  );
  streams.consumers(group.consumers.length);
  for (const { name, seenMs, activeMs, pending } of group.consumers) {
    const place = new Place().set(name);
    const { region, offset, length } = place;
    streams.consumer({ region, offset, length, seenMs, activeMs }, pending.length);
    writeElements(
      (batch) => streams.owned(batch),
      pending.length,
      (batches, i) => {
        batches.addId(pending[i]!.id);
      },
    );
  }
}

export const SETTINGS: FileSettings = {
  redisVersion: '7.0.15',
  createdSeconds: 1_700_000_000,
  usedMemoryBytes: 5_000_000_000,
  replication: {
    database: 3,
    id: '0123456789abcdef'.repeat(3).slice(0, 40),
    offset: 4_294_967_296,
  },
  isAofBase: false,
};

/** Writes a file with these keys. */
export function writeModel(
  keys: readonly ModelKey[],
  options: Partial<WriteOptions> = {},
  functions: readonly string[] = [],
): Buffer {
  const pieces: Buffer[] = [];
  const writer = new RdbWriter((region, offset, length) => {
    pieces.push(Buffer.from(region.bytes.slice(offset, offset + length)));
  }, options);
  writer.begin();
  writer.settings(SETTINGS);
  const place = new Place();
  for (const library of functions) {
    const { region, offset, length } = place.set(library);
    writer.functionLibrary(region, offset, length);
  }
  let database = -1;
  for (const key of [...keys].sort((a, b) => a.database - b.database)) {
    if (key.database !== database) {
      database = key.database;
      const size = keys.filter((one) => one.database === database).length;
      writer.selectDatabase(database);
      writer.databaseSize(size, 0);
    }
    writeKey(writer, key);
  }
  writer.finish();
  return Buffer.concat(pieces as unknown as Uint8Array[]);
}

function writeKey(writer: RdbWriter, one: ModelKey): void {
  const key = new RdbKey();
  const place = new Place().set(one.name);
  key.region = place.region;
  key.length = place.length;
  key.expiryMs = one.expiryMs;
  key.idleSeconds = one.idleSeconds;
  key.frequency = one.frequency;
  const { value } = one;
  if (value.kind === 'string') {
    const { region, offset, length } = new Place().set(value.string);
    writer.string(key, region, offset, length);
    return;
  }
  writeCollection(value, writer, {
    list: (nodes) => writer.beginList(key, nodes),
    set: (count) => writer.beginSet(key, count),
    hash: (count, leastExpiryMs) => writer.beginHash(key, count, leastExpiryMs),
    sortedSet: (count) => writer.beginSortedSet(key, count),
    stream: (nodes) => writer.beginStream(key, nodes),
  });
}

/** The payload of DUMP, a char per byte. */
export function dumpValue(value: ModelValue, options: Partial<WriteOptions> = {}): string {
  const writer = new DumpWriter(options);
  writer.begin();
  if (value.kind === 'string') {
    const { region, offset, length } = new Place().set(value.string);
    writer.string(region, offset, length);
  } else {
    writeCollection(value, writer, {
      list: (nodes) => writer.lists.begin(nodes),
      set: (count) => writer.collections.beginSet(count),
      hash: (count, leastExpiryMs) => writer.collections.beginHash(count, leastExpiryMs),
      sortedSet: (count) => writer.collections.beginSortedSet(count),
      stream: (nodes) => writer.streams.begin(nodes),
    });
  }
  writer.finish();
  return toBinary(writer.region, 0, writer.length);
}
