/**
 * The walk of a full sync over one shard. A cursor (database, hash position) separates the entries
 * that were shipped, before it, from those that were not. Each step copies out what is at the
 * cursor.
 *
 * Frames are shipped as raw copies. Entries are shipped one by one in four cases: a part of the
 * frame was shipped already, before a merge; the frame's large values do not fit a block; the
 * replica has another number of shards; the frame has values that own pages.
 *
 * Values that own pages are shipped as the commands that rebuild them, and with them the others of
 * their bucket. A large one is shipped in parts (part-cursor.ts): the cursor stays at its hash, with a
 * place inside it, until its last element was shipped. So no hold of the lock is long.
 *
 * With a sink of entries all that is not shipped in parts goes there, under the lock, in place of the
 * payload: an RDB has a form of its own for every value (replication/redis/full-sync.ts). What is shipped in
 * parts then is commands alone.
 */
import { align8 } from '../../base/align.js';
import { copyBytes, type Region } from '../../base/region.js';
import { EFFECT_EXPIRE_AT, EFFECT_REMOVE } from '../../keyspace/effect-verbs.js';
import type { Shards } from '../../keyspace/shards.js';
import { PARTS_END, PartsPlace, type TypeRegistry, type ValueType } from '../../keyspace/types.js';
import { FRAME_ENTRIES, FRAME_PREFIX } from '../../structures/frame.js';
import {
  copyFrame,
  copyFrameRuns,
  frameBytes,
  frameHasKinds,
  frameRunBytes,
} from '../../structures/frame-copy.js';
import { HashState, hashBytes } from '../../structures/hash.js';
import { SCAN_END, type Table } from '../../structures/table.js';
import {
  ENTRY_HEADER_BYTES,
  FRAME_PAYLOAD_HEADER_BYTES,
  PAYLOAD_BYTES_MAX,
  VALUES_HEADER_BYTES,
} from '../wire.js';
import { messageWithRoom } from './outgoing-message.js';
import { PartCursor } from './part-cursor.js';
import { type RecordKey, ValueRecords } from './value-records.js';

/** Results of `capture`. */
export const CAPTURED_NOTHING = 0;
export const CAPTURED_FRAME = 1;
export const CAPTURED_ENTRIES = 2;
export const CAPTURED_VALUES = 3;
export const CAPTURED_END = 4;

/** Entries are collected up to about this many bytes under one hold of the lock. */
const ENTRIES_BYTES = 64 * 1024;
/** A value that owns more bytes of pages is shipped in parts of about so many bytes. */
export const PART_BYTES = 64 * 1024;
/** A collection that had to be begun again so often is shipped under one hold of the lock. */
const RESTARTS_MAX = 8;
/** Empty frames skipped under one hold of the lock. */
const EMPTY_STEPS = 256;

/** Takes entries in place of a payload. */
export interface EntrySink {
  /** The table has decoded the entry. Its shard is locked. */
  entry(table: Table, database: number): void;
}

/** A place in a walk: everything before it, in the order of databases and hashes, was shipped. */
export class WalkCursor {
  database = 0;
  /** Hash position, 0 to 2^32. */
  position = 0;
  /** The place inside the key at `position`, while that is shipped in parts. */
  readonly part = new PartCursor();

  restart(): void {
    this.database = 0;
    this.position = 0;
    this.part.end();
  }

  /** Takes the place up to which a replica has the shard. */
  resumeAt(database: number, position: number): void {
    this.database = database;
    this.position = position;
    this.part.end();
  }

  /** Takes the place of another one, which ships nothing in parts. */
  copyFrom(other: WalkCursor): void {
    this.database = other.database;
    this.position = other.position;
  }

  /** Moves to a later place of the same database. */
  moveTo(position: number): void {
    if (position <= this.position || position > SCAN_END) {
      throw new Error(`walk: from position ${this.position} to ${position}`);
    }
    this.position = position;
  }
}

export class FullSyncWalk {
  /** Payload and keys of the last capture. */
  payloadBytes = 0;
  keys = 0;
  /** Where entries were put: the region passed, or a larger one. */
  message!: Region;
  private form = CAPTURED_NOTHING;
  private readonly hash = new HashState();
  private readonly records: ValueRecords;
  /** In a value that is shipped whole. */
  private readonly whole = new PartsPlace();

  constructor(
    private readonly shards: Shards,
    private readonly types: TypeRegistry,
    /** Whether the replica takes raw frames. */
    private readonly raw: boolean,
    private readonly partBytes: number,
    private readonly sink: EntrySink | null = null,
  ) {
    this.records = new ValueRecords(sink === null);
  }

  /**
   * Copies what is at the cursor and moves the cursor past it. Under the shard's lock.
   * @param offset for the payload of a frame in `out`, which has room for a block there
   * @param message for entries
   * @returns CAPTURED_*
   */
  capture(shard: number, cursor: WalkCursor, out: Region, offset: number, message: Region): number {
    this.shards.assertLocked(shard);
    this.payloadBytes = 0;
    this.keys = 0;
    this.message = message;
    this.form = CAPTURED_NOTHING;
    if (cursor.part.active) {
      this.capturePart(shard, cursor);
      return this.endPayload();
    }
    for (let step = 0; step < EMPTY_STEPS; step++) {
      if (cursor.database === this.shards.databases) return CAPTURED_END;
      const table = this.shards.table(shard, cursor.database);
      if (table.size === 0 || cursor.position >= SCAN_END) {
        cursor.database++;
        cursor.position = 0;
        continue;
      }
      const frame = table.frameAt(cursor.position);
      if (table.region.words[(frame >> 2) + FRAME_ENTRIES] === 0) {
        cursor.moveTo(table.positionAfter(frame));
        continue;
      }
      if (this.captureFrame(table, frame, cursor, out, offset)) return CAPTURED_FRAME;
      this.captureEntries(table, cursor, table.positionAfter(frame));
      if (this.payloadBytes > 0) return this.endPayload();
    }
    return CAPTURED_NOTHING;
  }

  private captureFrame(
    table: Table,
    frame: number,
    cursor: WalkCursor,
    out: Region,
    offset: number,
  ): boolean {
    const { space, region } = table;
    const at = frame >> 2;
    if (!this.raw || region.words[at + FRAME_PREFIX]! >>> 0 !== cursor.position) return false;
    const { types } = this;
    if (types.mayOwn(table) && frameHasKinds(space, frame, types.owningKinds)) return false;
    const bytes = frameBytes(space, frame);
    const runsAt = FRAME_PAYLOAD_HEADER_BYTES + align8(bytes);
    const limit = PAYLOAD_BYTES_MAX - runsAt;
    const runs = table.runs === 0 ? 0 : frameRunBytes(space, frame, limit);
    if (runs > limit) return false;
    const words = out.words;
    const header = offset >> 2;
    this.keys = region.words[at + FRAME_ENTRIES]!;
    words[header] = cursor.database;
    words[header + 1] = bytes;
    words[header + 2] = runs;
    words[header + 3] = this.keys;
    copyFrame(space, frame, out, offset + FRAME_PAYLOAD_HEADER_BYTES);
    const pad = offset + FRAME_PAYLOAD_HEADER_BYTES + bytes;
    out.bytes.fill(0, pad, offset + runsAt);
    if (runs > 0) copyFrameRuns(space, frame, out, offset + runsAt);
    this.payloadBytes = runsAt + runs;
    cursor.moveTo(table.positionAfter(frame));
    return true;
  }

  /** Collects entries bucket by bucket up to a hash position, or until there are enough. */
  private captureEntries(table: Table, cursor: WalkCursor, end: number): void {
    const from = cursor.position;
    while (cursor.position < end && this.payloadBytes < ENTRIES_BYTES) {
      const next = table.scan(cursor.position);
      // It may lie inside a bucket: after a hash of it, or where the frame had other buckets before.
      if (cursor.position === from) this.dropShipped(table, from);
      const bytes = this.bytesScanned(table);
      const owns = this.sink === null && this.ownsScanned(table);
      if (!this.beginForm(owns ? CAPTURED_VALUES : CAPTURED_ENTRIES)) return;
      if (bytes > (owns || this.sink !== null ? this.partBytes : PAYLOAD_BYTES_MAX)) {
        if (this.keys === 0) this.captureHash(table, cursor);
        return;
      }
      for (let i = 0; i < table.scanCount; i++) {
        this.put(table, cursor.database, table.scanOffsets[i]!);
      }
      cursor.moveTo(next);
    }
  }

  /** Leaves out of the last scan what lies before a position. */
  private dropShipped(table: Table, position: number): void {
    const { scanOffsets } = table;
    let kept = 0;
    for (let i = 0; i < table.scanCount; i++) {
      const offset = scanOffsets[i]!;
      if (this.positionOf(table, offset) >= position) scanOffsets[kept++] = offset;
    }
    table.scanCount = kept;
  }

  /** About the bytes that the entries of the last scan take in a payload. */
  private bytesScanned(table: Table): number {
    const { types } = this;
    let bytes = 0;
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      bytes += entryBytes(table.keyLength, table.valueLength);
      if (types.owns(table.kind)) bytes += types.of(table.kind).memory(table);
    }
    return bytes;
  }

  private ownsScanned(table: Table): boolean {
    const { types } = this;
    if (!types.mayOwn(table)) return false;
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      if (types.owns(table.kind)) return true;
    }
    return false;
  }

  /** Whether the decoded entry is shipped in parts. */
  private isLarge(table: Table): boolean {
    const { types } = this;
    if (!types.owns(table.kind)) return false;
    const type = types.of(table.kind);
    return type.parts !== undefined && type.memory(table) > this.partBytes;
  }

  /** @returns false when the payload has entries in another form */
  private beginForm(form: number): boolean {
    if (this.keys > 0) return this.form === form;
    this.form = form;
    this.payloadBytes = form === CAPTURED_VALUES ? VALUES_HEADER_BYTES : 0;
    return true;
  }

  private endPayload(): number {
    if (this.payloadBytes <= (this.form === CAPTURED_VALUES ? VALUES_HEADER_BYTES : 0)) {
      this.payloadBytes = 0;
      return CAPTURED_NOTHING;
    }
    if (this.form === CAPTURED_VALUES) {
      this.message.words[0] = this.keys;
      this.message.words[1] = 0;
    }
    return this.form;
  }

  /**
   * Large values: takes only the entries of the lowest hash, so that one value is held at a time. The
   * first that is shipped in parts is only begun, and the cursor stays at its hash.
   */
  private captureHash(table: Table, cursor: WalkCursor): void {
    let lowest = SCAN_END;
    for (let i = 0; i < table.scanCount; i++) {
      const position = this.positionOf(table, table.scanOffsets[i]!);
      if (position < lowest) lowest = position;
    }
    const { part, database } = cursor;
    for (let i = 0; i < table.scanCount; i++) {
      const offset = table.scanOffsets[i]!;
      if (this.positionOf(table, offset) !== lowest) continue;
      if (!part.active && this.isLarge(table)) {
        part.begin(database, lowest, table.region, table.keyOffset, table.keyLength);
      } else this.put(table, database, offset);
    }
    if (!part.active) cursor.moveTo(lowest + 1);
    else if (lowest > cursor.position) cursor.moveTo(lowest);
  }

  /** Ships more of the collection at the cursor, or what the key has instead by now. */
  private capturePart(shard: number, cursor: WalkCursor): void {
    const { types, hash, records } = this;
    const { part, database } = cursor;
    const table = this.shards.table(shard, database);
    const { hashKey0, hashKey1 } = table.space;
    const { keyRegion, keyOffset, keyLength } = part;
    hashBytes(hash, keyRegion, keyOffset, keyLength, hashKey0, hashKey1);
    const found = table.find(keyRegion, keyOffset, keyLength, hash.h1, hash.h2);
    this.beginForm(CAPTURED_VALUES);
    records.appendTo(this.message, this.payloadBytes);
    records.about({
      database,
      h1: hash.h1,
      region: keyRegion,
      offset: keyOffset,
      length: keyLength,
    });
    if (!found) {
      records.begin(EFFECT_REMOVE).end();
      this.endPart(cursor);
    } else if (!this.isLarge(table) || part.restarts > RESTARTS_MAX) {
      // Its first command replaces whatever the replica has of it.
      types.of(table.kind).effects(table, records);
      this.keys++;
      this.endPart(cursor);
    } else this.putPart(types.of(table.kind), table, cursor);
    this.message = records.region;
    this.payloadBytes = records.position;
  }

  private putPart(type: ValueType, table: Table, cursor: WalkCursor): void {
    const { records } = this;
    const { part } = cursor;
    const parts = type.parts!;
    const count = parts.count(table);
    if (part.position > 0 && parts.order === 'index' && count !== part.length) {
      // What the journal says is not what happened: begun again, nothing is lost by it.
      part.restart();
    }
    if (part.position === 0) records.begin(EFFECT_REMOVE).end();
    part.length = count;
    part.order = parts.order;
    const next = parts.emit(table, part.position, this.partBytes, records, part.place);
    if (next !== PARTS_END) {
      part.position = next;
      return;
    }
    if (table.expiry !== 0) records.begin(EFFECT_EXPIRE_AT).time(table.expiry).end();
    this.keys++;
    this.endPart(cursor);
  }

  private endPart(cursor: WalkCursor): void {
    cursor.part.end();
    cursor.moveTo(cursor.position + 1);
  }

  private positionOf(table: Table, offset: number): number {
    const { hash } = this;
    const { space } = table;
    table.decode(offset);
    const { keyOffset, keyLength } = table;
    hashBytes(hash, table.region, keyOffset, keyLength, space.hashKey0, space.hashKey1);
    return hash.h1 >>> 0;
  }

  private put(table: Table, database: number, offset: number): void {
    table.decode(offset);
    if (this.sink !== null) this.passOn(table, database, this.sink);
    else if (this.form === CAPTURED_VALUES) this.putValue(table, database);
    else this.putEntry(table, database);
    this.keys++;
  }

  private passOn(table: Table, database: number, sink: EntrySink): void {
    this.payloadBytes += entryBytes(table.keyLength, table.valueLength);
    if (this.types.owns(table.kind)) this.payloadBytes += this.types.of(table.kind).memory(table);
    sink.entry(table, database);
  }

  /** Appends the commands that rebuild the decoded entry. */
  private putValue(table: Table, database: number): void {
    const { records, hash } = this;
    const { region, keyOffset: offset, keyLength: length, space } = table;
    hashBytes(hash, region, offset, length, space.hashKey0, space.hashKey1);
    const key: RecordKey = { database, h1: hash.h1, region, offset, length };
    records.appendTo(this.message, this.payloadBytes);
    records.about(key);
    this.putWhole(table);
    this.message = records.region;
    this.payloadBytes = records.position;
  }

  /** A value that is not shipped in parts still is a sequence of them, where its type has its own form. */
  private putWhole(table: Table): void {
    const { records, types, whole } = this;
    const type = types.of(table.kind);
    if (type.parts === undefined || types.nativeParts(table.kind) === null) {
      type.effects(table, records);
      return;
    }
    records.begin(EFFECT_REMOVE).end();
    for (let position = 0; position !== PARTS_END; ) {
      position = type.parts.emit(table, position, this.partBytes, records, whole);
    }
    whole.release();
    if (table.expiry !== 0) records.begin(EFFECT_EXPIRE_AT).time(table.expiry).end();
  }

  private putEntry(table: Table, database: number): void {
    const { kind, expiry, keyLength, valueLength } = table;
    const bytes = entryBytes(keyLength, valueLength);
    this.message = messageWithRoom(this.message, this.payloadBytes, this.payloadBytes + bytes);
    const region = this.message;
    const at = this.payloadBytes;
    region.words.fill(0, at >>> 2, (at + ENTRY_HEADER_BYTES) >>> 2);
    region.bytes[at] = kind;
    region.view.setUint16(at + 4, database, true);
    region.view.setUint32(at + 8, keyLength, true);
    region.view.setUint32(at + 12, valueLength, true);
    region.view.setFloat64(at + 16, expiry, true);
    const keyAt = at + ENTRY_HEADER_BYTES;
    copyBytes(region, keyAt, table.region, table.keyOffset, keyLength);
    copyBytes(region, keyAt + keyLength, table.region, table.valueOffset, valueLength);
    region.bytes.fill(0, keyAt + keyLength + valueLength, at + bytes);
    this.payloadBytes += bytes;
  }
}

/** Bytes of an entry in an ENTRIES payload. */
function entryBytes(keyLength: number, valueLength: number): number {
  return align8(ENTRY_HEADER_BYTES + keyLength + valueLength);
}
