/**
 * The journal of one shard: the last effects on it, in a ring of fixed size in memory of its own
 * that all threads share. A place in the stream of records is an LSN: how many bytes came before.
 *
 *   0      i32  capacity in bytes, a multiple of 4
 *   4      i32  where the head is in the ring
 *   8      f64  head: LSN of the next record
 *   16     f64  start: oldest LSN the ring still holds whole records from
 *   24     i32  readers: bit i is set when reader i is in use
 *   32     f64 × 32  the LSN from which each reader still needs the stream
 *   288    f64  the least of those that the ring still holds; Infinity when there is none
 *   512    the ring; records (record.ts) wrap at its end between any two words
 *
 * Every method is called under the shard's lock (hence no atomics), but for `peekHead`, a hint.
 * What is not in use of the memory is only address space.
 */
import { copyBytes, Region } from '../base/region.js';
import { align4, RECORD_HEADER_BYTES } from './record.js';

const CAPACITY_WORD = 0;
const HEAD_OFFSET_WORD = 1;
const HEAD_VALUE = 1;
const START_VALUE = 2;
const READERS_WORD = 6;
const READER_VALUE = 4;
export const READERS_MAX = 32;
const SLOWEST_VALUE = READER_VALUE + READERS_MAX;
const DATA_OFFSET = 512;
export const RING_BYTES_MIN = 256 * 1024;

export class JournalRing {
  readonly region: Region;
  readonly capacity: number;
  private readonly words: Int32Array;
  private readonly values: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.region = new Region(buffer, 0);
    this.words = this.region.words;
    this.values = new Float64Array(buffer, 0, SLOWEST_VALUE + 1);
    this.capacity = this.words[CAPACITY_WORD]!;
  }

  static create(capacityBytes: number): SharedArrayBuffer {
    const capacity = capacityBytes & ~7;
    const buffer = new SharedArrayBuffer(DATA_OFFSET + capacity);
    new Int32Array(buffer)[CAPACITY_WORD] = capacity;
    return buffer;
  }

  get head(): number {
    return this.values[HEAD_VALUE]!;
  }

  /** The head as it was lately; the one thing that may be read without the lock. */
  peekHead(): number {
    return this.values[HEAD_VALUE]!;
  }

  get start(): number {
    return this.values[START_VALUE]!;
  }

  /** Whether the stream from this LSN on can be read. */
  holds(lsn: number): boolean {
    return lsn >= this.start && lsn <= this.head;
  }

  /** Begins anew at this LSN, empty. Readers that stand elsewhere find that out by `holds`. */
  reset(lsn: number): void {
    this.words[HEAD_OFFSET_WORD] = 0;
    this.values[HEAD_VALUE] = lsn;
    this.values[START_VALUE] = lsn;
  }

  /** Bytes of a record with a body of this length. */
  static recordBytes(bodyLength: number): number {
    return align4(RECORD_HEADER_BYTES + bodyLength);
  }

  /** Appends a whole record with one body of bytes. */
  append(
    kind: number,
    database: number,
    h1: number,
    body: Region,
    offset: number,
    length: number,
  ): void {
    const total = JournalRing.recordBytes(length);
    if (!this.makeRoom(total)) return;
    this.putWord(total);
    this.putWord(kind | (database << 16));
    this.putWord(h1);
    this.putBytes(body, offset, length);
    this.pad(total - RECORD_HEADER_BYTES - length);
    this.values[HEAD_VALUE]! += total;
  }

  /** Appends records as they are: `length` bytes, a multiple of 4. */
  appendRaw(source: Region, offset: number, length: number): void {
    if (!this.makeRoom(length)) return;
    this.putBytes(source, offset, length);
    this.values[HEAD_VALUE]! += length;
  }

  /**
   * Begins one record of `total` bytes that is written with `put…`; `endRecord` ends it.
   * @returns false when the ring is too small for it: it counts as written, but nobody can read it
   */
  beginRecord(total: number): boolean {
    return this.makeRoom(total);
  }

  endRecord(total: number): void {
    this.values[HEAD_VALUE]! += total;
  }

  /** Forgets the oldest records to have room, on word borders: readers behind are overrun. */
  private makeRoom(total: number): boolean {
    const head = this.values[HEAD_VALUE]!;
    if (total > this.capacity) {
      // Whoever was here has to be served from the data itself.
      this.reset(head + total);
      return false;
    }
    const oldest = head + total - this.capacity;
    if (oldest > this.values[START_VALUE]!) this.values[START_VALUE] = oldest;
    return true;
  }

  putWord(word: number): void {
    const at = this.words[HEAD_OFFSET_WORD]!;
    this.words[(DATA_OFFSET + at) >> 2] = word;
    this.words[HEAD_OFFSET_WORD] = at + 4 === this.capacity ? 0 : at + 4;
  }

  putBytes(source: Region, offset: number, length: number): void {
    const at = this.words[HEAD_OFFSET_WORD]!;
    const first = Math.min(length, this.capacity - at);
    copyBytes(this.region, DATA_OFFSET + at, source, offset, first);
    if (first < length) copyBytes(this.region, DATA_OFFSET, source, offset + first, length - first);
    const next = at + length;
    this.words[HEAD_OFFSET_WORD] = next >= this.capacity ? next - this.capacity : next;
  }

  pad(count: number): void {
    let at = this.words[HEAD_OFFSET_WORD]!;
    for (let i = 0; i < count; i++) this.region.bytes[DATA_OFFSET + at + i] = 0;
    at += count;
    this.words[HEAD_OFFSET_WORD] = at >= this.capacity ? at - this.capacity : at;
  }

  /** Copies `length` bytes of the stream from `lsn` on, which the ring holds. */
  read(lsn: number, length: number, target: Region, offset: number): void {
    const at = this.offsetOf(lsn);
    const first = Math.min(length, this.capacity - at);
    copyBytes(target, offset, this.region, DATA_OFFSET + at, first);
    if (first < length) copyBytes(target, offset + first, this.region, DATA_OFFSET, length - first);
  }

  /** The word at `lsn`: the length of the record that begins there. */
  wordAt(lsn: number): number {
    return this.words[(DATA_OFFSET + this.offsetOf(lsn)) >> 2]!;
  }

  private offsetOf(lsn: number): number {
    const at = this.words[HEAD_OFFSET_WORD]! - (this.head - lsn);
    return at < 0 ? at + this.capacity : at;
  }

  /** Takes part as a reader that needs everything from `lsn` on. @returns its number, or -1 */
  attachReader(lsn: number): number {
    const used = this.words[READERS_WORD]!;
    for (let i = 0; i < READERS_MAX; i++) {
      if (((used >>> i) & 1) !== 0) continue;
      this.words[READERS_WORD] = used | (1 << i);
      this.moveReader(i, lsn);
      return i;
    }
    return -1;
  }

  moveReader(reader: number, lsn: number): void {
    if (reader < 0) return;
    this.values[READER_VALUE + reader] = lsn;
    this.findSlowest();
  }

  detachReader(reader: number): void {
    if (reader < 0) return;
    this.words[READERS_WORD]! &= ~(1 << reader);
    this.findSlowest();
  }

  private findSlowest(): void {
    const used = this.words[READERS_WORD]!;
    const start = this.start;
    let slowest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < READERS_MAX; i++) {
      if (((used >>> i) & 1) === 0) continue;
      const lsn = this.values[READER_VALUE + i]!;
      // One that was overrun already has nothing left to lose.
      if (lsn < slowest && lsn >= start) slowest = lsn;
    }
    this.values[SLOWEST_VALUE] = slowest;
  }

  /** Bytes that may still be appended before the slowest reader is overrun. */
  get room(): number {
    if (this.words[READERS_WORD] === 0) return this.capacity;
    const slowest = this.values[SLOWEST_VALUE]!;
    // None, or one that was overrun since it moved: writing on costs nobody more.
    if (slowest === Number.POSITIVE_INFINITY || slowest < this.start) return this.capacity;
    return this.capacity - (this.head - slowest);
  }
}

/** A process's rings, one per shard: repl-backlog-size divided, but never tiny. */
export function createRings(shards: number, totalBytes: number): SharedArrayBuffer[] {
  const each = Math.max(Math.floor(totalBytes / shards), RING_BYTES_MIN);
  return Array.from({ length: shards }, () => JournalRing.create(each));
}
