/** For tests: the content of a file as plain objects, and its canonical text. */
import { type Region, toBinary } from '../../base/region.js';
import type { ElementBatch } from './batch.js';
import type { ReadOptions } from './decoder.js';
import { DUMP_READ, DumpReader } from './dump.js';
import { RdbError } from './error.js';
import { newRegion } from './input.js';
import { RdbReader } from './reader.js';
import {
  KIND_HASH,
  KIND_LIST,
  KIND_SET,
  KIND_SORTED_SET,
  type RdbKey,
  type RdbVisitor,
  type StreamConsumer,
  type StreamGroup,
  type StreamState,
} from './visitor.js';

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

export function byBytes(a: string, b: string): number {
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

/** The value of a payload, or what the reader says of it. */
export function readDump(
  payload: string,
  options: Partial<ReadOptions> = {},
): { readonly outcome: number; readonly value: ModelValue | null; readonly error: string } {
  const model = new RdbModel();
  const reader = new DumpReader(model, options);
  const region = newRegion(payload.length);
  for (let i = 0; i < payload.length; i++) region.bytes[i] = payload.charCodeAt(i);
  const outcome = reader.read(region, 0, payload.length);
  const value = outcome === DUMP_READ ? (model.keys[0]?.value ?? null) : null;
  return { outcome, value, error: reader.error?.message ?? '' };
}
