/**
 * The walk of a full sync over one shard. A cursor (database, hash position) separates the entries
 * that were shipped, before it, from those that were not. Each step copies out what is at the
 * cursor.
 *
 * Frames are shipped as raw copies. Entries are shipped one by one in three cases: a part of the
 * frame was shipped already, before a merge; the frame's large values do not fit a block; the
 * replica has another number of shards.
 */
import { giveBack, newRegion } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import type { Shards } from '../../keyspace/shards.js';
import { FRAME_ENTRIES, FRAME_PREFIX } from '../../structures/frame.js';
import {
  copyFrame,
  copyFrameRuns,
  frameBytes,
  frameRunBytes,
} from '../../structures/frame-copy.js';
import { HashState, hashBytes } from '../../structures/hash.js';
import { SCAN_END, type Table } from '../../structures/table.js';
import {
  align8,
  ENTRY_HEADER_BYTES,
  FRAME_PAYLOAD_HEADER_BYTES,
  PAYLOAD_BYTES_MAX,
} from '../wire.js';

/** Results of `capture`. */
export const CAPTURED_NOTHING = 0;
export const CAPTURED_FRAME = 1;
export const CAPTURED_ENTRIES = 2;
export const CAPTURED_END = 3;

/** Entries are collected up to about this many bytes under one hold of the lock. */
const ENTRIES_BYTES = 64 * 1024;
/** Empty frames skipped under one hold of the lock. */
const EMPTY_STEPS = 256;

/** A place in a walk: everything before it, in the order of databases and hashes, was shipped. */
export class WalkCursor {
  database = 0;
  /** Hash position, 0 to 2^32. */
  position = 0;

  restart(): void {
    this.database = 0;
    this.position = 0;
  }

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
  private readonly hash = new HashState();

  constructor(
    private readonly shards: Shards,
    /** Whether the replica takes raw frames. */
    private readonly raw: boolean,
  ) {}

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
      if (this.payloadBytes > 0) return CAPTURED_ENTRIES;
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
    while (cursor.position < end && this.payloadBytes < ENTRIES_BYTES) {
      const next = table.scan(cursor.position);
      let bytes = 0;
      for (let i = 0; i < table.scanCount; i++) {
        table.decode(table.scanOffsets[i]!);
        bytes += entryBytes(table.keyLength, table.valueLength);
      }
      if (bytes <= PAYLOAD_BYTES_MAX) {
        for (let i = 0; i < table.scanCount; i++) {
          this.put(table, cursor.database, table.scanOffsets[i]!);
        }
        cursor.moveTo(next);
        continue;
      }
      if (this.payloadBytes === 0) this.captureHash(table, cursor, next);
      return;
    }
  }

  /**
   * Large values: takes only the entries of the lowest hash, so that one value is held at a time.
   */
  private captureHash(table: Table, cursor: WalkCursor, next: number): void {
    let lowest = SCAN_END;
    for (let i = 0; i < table.scanCount; i++) {
      const position = this.positionOf(table, table.scanOffsets[i]!);
      if (position >= cursor.position && position < lowest) lowest = position;
    }
    if (lowest === SCAN_END) {
      cursor.moveTo(next);
      return;
    }
    for (let i = 0; i < table.scanCount; i++) {
      const offset = table.scanOffsets[i]!;
      if (this.positionOf(table, offset) === lowest) this.put(table, cursor.database, offset);
    }
    cursor.moveTo(lowest + 1);
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
    const { kind, expiry, keyLength, valueLength } = table;
    const bytes = entryBytes(keyLength, valueLength);
    this.reserve(this.payloadBytes + bytes);
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
    this.keys++;
  }

  private reserve(needed: number): void {
    if (needed <= this.message.length) return;
    let size = this.message.length;
    while (size < needed) size = size < 1 << 24 ? size * 2 : needed + 4096;
    const larger = newRegion(size & ~7);
    copyBytes(larger, 0, this.message, 0, this.payloadBytes);
    giveBack(this.message);
    this.message = larger;
  }
}

/** Bytes of an entry in an ENTRIES payload. */
function entryBytes(keyLength: number, valueLength: number): number {
  return align8(ENTRY_HEADER_BYTES + keyLength + valueLength);
}
