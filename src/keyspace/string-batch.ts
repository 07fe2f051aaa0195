/**
 * Strings of a file, an RDB or the journal, on their way into the store. A key that is stored by itself meets memory that no cache
 * has, several times over, and has a lock to take. So strings are gathered by shard, as rows one after the
 * other; a shard's rows are stored when its share of the room is full, in the order of their hashes: each
 * frame of the table is met once, for some dozens of keys.
 *
 *     rows     for each shard whose strings come here a slot of the same size:  row | row | ... | free
 *     row      0    i32   h1
 *              4    i32   h2
 *              8    i32   length of the key
 *              12   i32   length of the value
 *              16   f64   expiry
 *              24   f64   where the value ends in the file
 *              32         key, value, up to a multiple of 8
 *
 * All rows of a slot are of one database. `open` reads a slot into columns, of which a table is filled.
 */
import { align8 } from '../base/align.js';
import { giveBack, newRegion } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
import { HashState } from '../structures/hash.js';
import type { EntryRows } from '../structures/table-filler.js';
import type { Keyspace } from './keyspace.js';
import type { Shards } from './shards.js';

/** Of all slots together; memory that was never used costs nothing. */
export const BATCH_BYTES = 16 * 1024 * 1024;
const SLOT_BYTES_MAX = 512 * 1024;
/** Longer ones are stored as they come: what they cost is their bytes. */
export const BATCHED_BYTES_MAX = 2 * 1024;
const ROW_EXPIRY = 16;
const ROW_FILE_OFFSET = 24;
const ROW_HEADER_BYTES = 32;
/** As many rows as a slot can have. */
const ROWS = SLOT_BYTES_MAX / ROW_HEADER_BYTES;
/** Stored under one hold of a lock, each string counted with what it costs besides its bytes. */
const RUN_BYTES = 64 * 1024;
const STRING_COST_BYTES = 256;
/** The order of rows is that of so many bits of the hash: a few places for each frame of a large table. */
const PLACE_BITS = 10;
const PLACE_SHIFT = 32 - PLACE_BITS;
/** Fewer are stored as they came: ordering costs more than it saves. */
const ORDERED_ROWS_MIN = 64;

/** A key and its value, as they come; callers reuse one. */
export class BatchedString {
  database = 0;
  /** As base/expiry-time.ts has it, 0 for none. A double from the start. */
  expiry = Number.NaN;
  keyRegion!: Region;
  keyOffset = 0;
  keyLength = 0;
  valueRegion!: Region;
  valueOffset = 0;
  valueLength = 0;
  /** Where the file has it, for errors. */
  fileOffset = Number.NaN;
}

export class StringBatch implements EntryRows {
  /** Which hash key all rows were hashed with. */
  epoch = 0;
  /** Rows in all slots. */
  count = 0;
  /** By shard: where its slot begins, how far it is filled, and the database of what is in it. */
  private readonly slots: Int32Array;
  private readonly used: Int32Array;
  private readonly databases: Int32Array;
  private readonly slotBytes: number;
  region: Region;
  private readonly hash = new HashState();

  /** Of the slot that was opened: */
  rows = 0;
  shard = 0;
  database = 0;
  readonly offset = new Int32Array(ROWS);
  readonly keyLength = new Int32Array(ROWS);
  readonly valueLength = new Int32Array(ROWS);
  readonly expiry = new Float64Array(ROWS);
  readonly h1 = new Int32Array(ROWS);
  readonly h2 = new Int32Array(ROWS);
  /** Rows by place. */
  readonly order = new Int32Array(ROWS);
  private readonly ends = new Int32Array(1 << PLACE_BITS);
  /** Without it the compiler would leave out the reads of `warm`. */
  lastRead = 0;

  /** @param mine the shards whose strings come */
  constructor(
    private readonly shards: Shards,
    mine: readonly number[],
  ) {
    const share = (BATCH_BYTES / mine.length) & ~7;
    this.slotBytes = Math.min(SLOT_BYTES_MAX, share);
    this.used = new Int32Array(shards.count);
    this.slots = new Int32Array(shards.count);
    this.databases = new Int32Array(shards.count);
    mine.forEach((shard, slot) => {
      this.slots[shard] = slot * this.slotBytes;
    });
    this.region = newRegion(this.slotBytes * mine.length);
  }

  /** Hashes a key. @returns its shard */
  shardOf(region: Region, offset: number, length: number): number {
    const { shards, hash } = this;
    return shards.keyHash.hash(hash, region, offset, length) & (shards.count - 1);
  }

  /** Hash position of the key that was hashed last. */
  get hashedH1(): number {
    return this.hash.h1;
  }

  /** Whether the shard's slot takes another row. */
  hasRoom(shard: number, database: number, bytes: number): boolean {
    const used = this.used[shard]!;
    if (used === 0) return true;
    const end = used + align8(ROW_HEADER_BYTES + bytes);
    return this.databases[shard] === database && end <= this.slotBytes;
  }

  /** Adds the string whose key was hashed last to its shard's slot, which has room. */
  add(shard: number, string: BatchedString): void {
    const { words, view } = this.region;
    const { keyLength, valueLength } = string;
    const used = this.used[shard]!;
    const at = this.slots[shard]! + used;
    const word = at >> 2;
    words[word] = this.hash.h1;
    words[word + 1] = this.hash.h2;
    words[word + 2] = keyLength;
    words[word + 3] = valueLength;
    view.setFloat64(at + ROW_EXPIRY, string.expiry, true);
    view.setFloat64(at + ROW_FILE_OFFSET, string.fileOffset, true);
    const body = at + ROW_HEADER_BYTES;
    copyBytes(this.region, body, string.keyRegion, string.keyOffset, keyLength);
    copyBytes(this.region, body + keyLength, string.valueRegion, string.valueOffset, valueLength);
    this.databases[shard] = string.database;
    this.used[shard] = used + align8(ROW_HEADER_BYTES + keyLength + valueLength);
    this.count++;
  }

  /** Whether a shard has rows. */
  has(shard: number): boolean {
    return this.used[shard]! > 0;
  }

  /** Reads a shard's slot into columns and orders them, and has it empty: until the next `add` its bytes stay. */
  open(shard: number): void {
    const rows = this.readRows(shard);
    this.shard = shard;
    this.database = this.databases[shard]!;
    this.rows = rows;
    this.count -= rows;
    this.used[shard] = 0;
    if (rows < ORDERED_ROWS_MIN) for (let i = 0; i < rows; i++) this.order[i] = i;
    else this.putInOrder(rows);
  }

  private putInOrder(rows: number): void {
    const { ends, order, h1 } = this;
    ends.fill(0);
    for (let i = 0; i < rows; i++) ends[h1[i]! >>> PLACE_SHIFT]!++;
    let end = 0;
    for (let place = 0; place < ends.length; place++) {
      end += ends[place]!;
      ends[place] = end;
    }
    // From the back, so that rows of one place stay in the order in which they came.
    for (let i = rows - 1; i >= 0; i--) order[--ends[h1[i]! >>> PLACE_SHIFT]!] = i;
  }

  /** @returns how many rows there are */
  private readRows(shard: number): number {
    const { offset, keyLength, valueLength, expiry, h1, h2 } = this;
    const { words, view } = this.region;
    const from = this.slots[shard]!;
    const end = from + this.used[shard]!;
    let rows = 0;
    for (let at = from; at < end; rows++) {
      const word = at >> 2;
      const key = words[word + 2]!;
      const value = words[word + 3]!;
      h1[rows] = words[word]!;
      h2[rows] = words[word + 1]!;
      keyLength[rows] = key;
      valueLength[rows] = value;
      expiry[rows] = view.getFloat64(at + ROW_EXPIRY, true);
      offset[rows] = at + ROW_HEADER_BYTES;
      at += align8(ROW_HEADER_BYTES + key + value);
    }
    return rows;
  }

  /** The end of those that are stored under one hold of the lock. */
  endOfRun(from: number): number {
    const { order, keyLength, valueLength, rows } = this;
    let end = from;
    for (let bytes = 0; end < rows && bytes < RUN_BYTES; end++) {
      const i = order[end]!;
      bytes += keyLength[i]! + valueLength[i]! + STRING_COST_BYTES;
    }
    return end;
  }

  /** Has the memory read that storing these will meet, all at once: see Table.warm. */
  warm(from: number, end: number): void {
    const { order, h1 } = this;
    const table = this.shards.table(this.shard, this.database);
    let read = 0;
    for (let at = from; at < end; at++) read ^= table.warm(h1[order[at]!]!);
    this.lastRead = read;
  }

  /** Where the file has it. */
  fileOffset(i: number): number {
    const row = this.offset[i]! - ROW_HEADER_BYTES;
    return this.region.view.getFloat64(row + ROW_FILE_OFFSET, true);
  }

  /** Finds the key of a row, under the lock of its shard. */
  seek(keys: Keyspace, i: number): void {
    keys.useHash(this.shard, this.h1[i]!, this.h2[i]!);
    keys.seekHashed(this.database, this.region, this.offset[i]!, this.keyLength[i]!);
  }

  /** Its memory goes back; it is of no more use. */
  close(): void {
    this.count = 0;
    this.used.fill(0);
    giveBack(this.region);
  }
}
