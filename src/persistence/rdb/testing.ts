/** For tests: the content of a file as plain objects, its canonical text, and the way back. */
import { randomFillSync } from 'node:crypto';
import { type Region, toBinary } from '../../base/region.js';
import { ElementBatch, STREAM_ID_BYTES } from './batch.js';
import { DUMP_READ, DumpReader } from './dump.js';
import { DumpWriter } from './dump-writer.js';
import { RdbError } from './error.js';
import { newRegion } from './input.js';
import { NodePlan } from './node-plan.js';
import { RdbReader } from './reader.js';
import {
  KIND_HASH,
  KIND_LIST,
  KIND_SET,
  KIND_SORTED_SET,
  RdbKey,
  type RdbVisitor,
  type StreamConsumer,
  type StreamGroup,
  type StreamState,
} from './visitor.js';
import type { ReadOptions } from './decoder.js';
import { RdbWriter, type WriteOptions } from './writer.js';

/** Strings have a char per byte everywhere here. */
export interface ModelPending {
  readonly id: bigint;
  readonly deliveredMs: number;
  readonly deliveries: number;
}
export interface ModelConsumer {
  readonly name: string;
  readonly seenMs: number;
  readonly activeMs: number;
  readonly pending: ModelPending[];
}
export interface ModelGroup {
  readonly name: string;
  readonly lastId: bigint;
  readonly entriesRead: bigint;
  readonly consumers: ModelConsumer[];
}
export interface ModelEntry {
  readonly id: bigint;
  readonly fields: readonly string[];
}
export interface ModelStream {
  readonly entries: ModelEntry[];
  state: StreamState | null;
  readonly groups: ModelGroup[];
}
export interface ModelField {
  readonly field: string;
  readonly value: string;
  readonly expiryMs: number;
}
export interface ModelMember {
  readonly member: string;
  readonly score: number;
}
export type ModelValue =
  | { readonly kind: 'string'; readonly string: string }
  | { readonly kind: 'list'; readonly elements: string[] }
  | { readonly kind: 'set'; readonly members: string[] }
  | { readonly kind: 'zset'; readonly members: ModelMember[] }
  | { readonly kind: 'hash'; readonly fields: ModelField[] }
  | { readonly kind: 'stream'; readonly stream: ModelStream };

export interface ModelKey {
  readonly database: number;
  readonly name: string;
  readonly expiryMs: number;
  readonly idleSeconds: number;
  readonly frequency: number;
  readonly value: ModelValue;
}

function emptyValue(kind: number): ModelValue {
  if (kind === KIND_LIST) return { kind: 'list', elements: [] };
  if (kind === KIND_SET) return { kind: 'set', members: [] };
  if (kind === KIND_SORTED_SET) return { kind: 'zset', members: [] };
  if (kind === KIND_HASH) return { kind: 'hash', fields: [] };
  return { kind: 'stream', stream: { entries: [], state: null, groups: [] } };
}

function idOf(region: Region, offset: number): bigint {
  return (
    (region.view.getBigUint64(offset, false) << 64n) | region.view.getBigUint64(offset + 8, false)
  );
}

/** Keeps everything it is told; refuses what a store would refuse. */
export class RdbModel implements RdbVisitor {
  readonly keys: ModelKey[] = [];
  readonly settings = new Map<string, string>();
  readonly functions: string[] = [];
  readonly emptyKeys: string[] = [];
  readonly modules: string[] = [];
  /** The largest batch seen, in slots. */
  slotsMax = 0;
  private value: ModelValue = emptyValue(KIND_LIST);
  private readonly seen = new Set<string>();

  auxiliary(name: string, value: string): void {
    this.settings.set(name, value);
  }

  databaseSize(): void {}

  functionLibrary(region: Region, offset: number, length: number): void {
    this.functions.push(toBinary(region, offset, length));
  }

  skippedModule(module: string): void {
    this.modules.push(module);
  }

  string(key: RdbKey, region: Region, offset: number, length: number): void {
    this.add(key, { kind: 'string', string: toBinary(region, offset, length) });
  }

  begin(key: RdbKey): void {
    this.value = emptyValue(key.kind);
    this.seen.clear();
  }

  private add(key: RdbKey, value: ModelValue): void {
    this.keys.push({
      database: key.database,
      name: toBinary(key.region, key.offset, key.length),
      expiryMs: key.expiryMs,
      idleSeconds: key.idleSeconds,
      frequency: key.frequency,
      value,
    });
  }

  private slot(batch: ElementBatch, slot: number): string {
    this.slotsMax = Math.max(this.slotsMax, batch.count);
    return toBinary(batch.region, batch.offset[slot]!, batch.length[slot]!);
  }

  private unique(batch: ElementBatch, slot: number): string {
    const text = this.slot(batch, slot);
    if (this.seen.has(text)) throw new RdbError('Duplicate element');
    this.seen.add(text);
    return text;
  }

  listElements(batch: ElementBatch): void {
    if (this.value.kind !== 'list') throw new Error('no list');
    for (let i = 0; i < batch.count; i++) this.value.elements.push(this.slot(batch, i));
  }

  setMembers(batch: ElementBatch): void {
    if (this.value.kind !== 'set') throw new Error('no set');
    for (let i = 0; i < batch.count; i++) this.value.members.push(this.unique(batch, i));
  }

  hashFields(batch: ElementBatch): void {
    if (this.value.kind !== 'hash') throw new Error('no hash');
    for (let i = 0; i < batch.count; i += 2) {
      const expiryMs = batch.expiryMs[i >>> 1]!;
      const field = this.unique(batch, i);
      this.value.fields.push({ field, value: this.slot(batch, i + 1), expiryMs });
    }
  }

  sortedSetMembers(batch: ElementBatch): void {
    if (this.value.kind !== 'zset') throw new Error('no sorted set');
    for (let i = 0; i < batch.count; i++) {
      this.value.members.push({ member: this.unique(batch, i), score: batch.score[i]! });
    }
  }

  streamEntries(batch: ElementBatch): void {
    let slot = 0;
    for (let entry = 0; entry < batch.entries; entry++) {
      const id = idOf(batch.region, batch.offset[slot++]!);
      const fields: string[] = [];
      for (; slot < batch.entryEnd[entry]!; slot++) fields.push(this.slot(batch, slot));
      this.stream.entries.push({ id, fields });
    }
  }

  private get stream(): ModelStream {
    if (this.value.kind !== 'stream') throw new Error('no stream');
    return this.value.stream;
  }

  streamState(state: StreamState): void {
    this.stream.state = state;
  }

  streamGroup(group: StreamGroup): void {
    const name = toBinary(group.region, group.offset, group.length);
    if (this.stream.groups.some((one) => one.name === name)) throw new RdbError('Duplicate group');
    const { lastId, entriesRead } = group;
    this.stream.groups.push({ name, lastId, entriesRead, consumers: [] });
  }

  streamConsumer(consumer: StreamConsumer): void {
    const { consumers } = this.stream.groups.at(-1)!;
    const name = toBinary(consumer.region, consumer.offset, consumer.length);
    if (consumers.some((one) => one.name === name)) throw new RdbError('Duplicate consumer');
    const { seenMs, activeMs } = consumer;
    consumers.push({ name, seenMs, activeMs, pending: [] });
  }

  streamPending(batch: ElementBatch): void {
    const { pending } = this.stream.groups.at(-1)!.consumers.at(-1)!;
    for (let i = 0; i < batch.count; i++) {
      const deliveredMs = batch.deliveredMs[i]!;
      const deliveries = batch.deliveries[i]!;
      pending.push({ id: idOf(batch.region, batch.offset[i]!), deliveredMs, deliveries });
    }
  }

  end(key: RdbKey): void {
    this.add(key, this.value);
  }

  emptyKey(key: RdbKey): void {
    this.emptyKeys.push(toBinary(key.region, key.offset, key.length));
  }
}

/** Reads a whole file, in pieces of `pieceBytes`. */
export function readModel(
  file: Uint8Array,
  pieceBytes = file.length,
  options: Partial<ReadOptions> = {},
): RdbModel {
  const model = new RdbModel();
  const reader = new RdbReader(model, options);
  for (let at = 0; at < file.length && !reader.done; at += pieceBytes) {
    reader.feed(file, at, Math.min(pieceBytes, file.length - at));
  }
  reader.finish();
  return model;
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function idText(id: bigint): string {
  return `${id >> 64n}-${BigInt.asUintN(64, id)}`;
}

/** The value as text in which order counts only where it does in Redis. */
export function canonicalValue(value: ModelValue): string {
  const quote = JSON.stringify;
  switch (value.kind) {
    case 'string':
      return quote(value.string);
    case 'list':
      return value.elements.map((one) => quote(one)).join(' ');
    case 'set':
      return [...value.members]
        .sort(byBytes)
        .map((one) => quote(one))
        .join(' ');
    case 'zset':
      return [...value.members]
        .sort((a, b) => a.score - b.score || byBytes(a.member, b.member))
        .map(({ member, score }) => `${quote(member)}=${score === 0 ? 0 : score}`)
        .join(' ');
    case 'hash':
      return [...value.fields]
        .sort((a, b) => byBytes(a.field, b.field))
        .map((one) => `${quote(one.field)}=${quote(one.value)}@${one.expiryMs}`)
        .join(' ');
    default:
      return canonicalStream(value.stream);
  }
}

function canonicalStream({ entries, state, groups }: ModelStream): string {
  const lines = entries.map(({ id, fields }) => `${idText(id)} ${JSON.stringify(fields)}`);
  if (state !== null) {
    const { length, lastId, firstId, maxDeletedId, entriesAdded } = state;
    const ids = [lastId, firstId, maxDeletedId].map(idText).join(' ');
    lines.push(`state ${length} ${ids} ${entriesAdded}`);
  }
  for (const group of [...groups].sort((a, b) => byBytes(a.name, b.name))) {
    lines.push(`group ${JSON.stringify(group.name)} ${idText(group.lastId)} ${group.entriesRead}`);
    for (const consumer of [...group.consumers].sort((a, b) => byBytes(a.name, b.name))) {
      lines.push(`consumer ${JSON.stringify(consumer.name)} ${consumer.seenMs}`);
      for (const { id, deliveredMs, deliveries } of consumer.pending) {
        lines.push(`pending ${idText(id)} ${deliveredMs} ${deliveries}`);
      }
    }
  }
  return lines.join('; ');
}

/** One line a key, sorted. */
export function canonical(keys: readonly ModelKey[]): string[] {
  return keys
    .map(
      ({ database, name, expiryMs, value }) =>
        `${database} ${JSON.stringify(name)} ${expiryMs} ${value.kind} ${canonicalValue(value)}`,
    )
    .sort(byBytes);
}

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
  writer.auxiliary('redis-ver', '7.0.15');
  writer.auxiliary('redis-bits', '64');
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

/** The value of a payload, or what the reader says of it. */
export function readDump(
  payload: string,
  options: Partial<ReadOptions> = {},
): { readonly outcome: number; readonly value: ModelValue | null; readonly error: string } {
  const model = new RdbModel();
  const reader = new DumpReader(model, options);
  const place = new Place().set(payload);
  const outcome = reader.read(place.region, 0, place.length);
  const value = outcome === DUMP_READ ? (model.keys[0]?.value ?? null) : null;
  return { outcome, value, error: reader.error?.message ?? '' };
}
