/**
 * The journal of one shard: the last effects on it, in a ring in memory of its own that all threads
 * share. A place in the stream of records is an LSN: how many bytes came before.
 *
 *   0      i32  capacity in bytes at present, a multiple of 4
 *   4      i32  where the head is in the ring
 *   8      f64  head: LSN of the next record
 *   16     f64  start: oldest LSN the ring still holds
 *   24     i32  readers: bit i is set when reader i is in use
 *   28     i32  nominal: bytes of history that are kept
 *   32     f64 × 32  the LSN from which each reader still needs the stream
 *   288    f64  the least of those that the ring still holds; Infinity when there is none
 *   296    f64  the longest of the large records (`isLarge`) it holds; 0 when there is none
 *   304    f64  LSN after the last of them
 *   512    the ring; records (record.ts) wrap at its end between any two words
 *
 * The capacity is the nominal one, but for large records: a reader that has kept up does not lose its
 * place over one record, whatever its size. The ring grows to hold it beside what the reader has not
 * read, and `shrink` makes it small again. So it holds at most the nominal bytes and twice the longest
 * record; memory never used is only address space.
 *
 * Every method is called under the shard's lock (hence no atomics), but for `peekHead` and `hasGrown`,
 * which are hints.
 */
import { releasePages } from '../base/page-release.js';
import { copyBytes, Region } from '../base/region.js';
import { align4, RECORD_HEADER_BYTES } from './record.js';

const CAPACITY_WORD = 0;
const HEAD_OFFSET_WORD = 1;
const HEAD_VALUE = 1;
const START_VALUE = 2;
const READERS_WORD = 6;
const NOMINAL_WORD = 7;
const READER_VALUE = 4;
export const READERS_MAX = 32;
const SLOWEST_VALUE = READER_VALUE + READERS_MAX;
const LONGEST_VALUE = SLOWEST_VALUE + 1;
const LONGEST_END_VALUE = SLOWEST_VALUE + 2;
const DATA_OFFSET = 512;
export const RING_BYTES_MIN = 256 * 1024;
/** Large records should wait for readers while rings have grown by more than this, all together. */
export const GROWN_BYTES_MAX = 32 << 20;
/** Offsets in a ring are 31 bits; two records of the longest value fit beside a GiB of history. */
const SPACE_BYTES_MAX = 0x7f00_0000;
const NOMINAL_BYTES_MAX = 0x4000_0000;
/** A record is large when it takes more than this share of the nominal bytes. */
const LARGE_SHARE = 0.25;
/** A ring that has to grow gets a multiple of this. */
const GROWTH_BYTES = 64 * 1024;

export class JournalRing {
  readonly nominal: number;
  private readonly space: number;
  private readonly words: Int32Array;
  private readonly values: Float64Array;

  /** @param region over the whole buffer that `create` made */
  constructor(readonly region: Region) {
    this.words = region.words;
    this.values = new Float64Array(region.buffer, 0, LONGEST_END_VALUE + 1);
    this.nominal = this.words[NOMINAL_WORD]!;
    this.space = (region.length - DATA_OFFSET) & ~7;
  }

  /**
   * @param nominalBytes of history that are kept
   * @param spaceBytes to which it may grow for large records
   */
  static create(nominalBytes: number, spaceBytes = nominalBytes): SharedArrayBuffer {
    const nominal = Math.min(nominalBytes, NOMINAL_BYTES_MAX) & ~7;
    const space = Math.min(Math.max(nominal, spaceBytes), SPACE_BYTES_MAX) & ~7;
    const buffer = new SharedArrayBuffer(DATA_OFFSET + space);
    const words = new Int32Array(buffer, 0, DATA_OFFSET / 4);
    words[CAPACITY_WORD] = nominal;
    words[NOMINAL_WORD] = nominal;
    return buffer;
  }

  get capacity(): number {
    return this.words[CAPACITY_WORD]!;
  }

  /** Whether it is larger than nominal; may be asked without the lock. */
  get hasGrown(): boolean {
    return this.capacity > this.nominal;
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
    this.values[HEAD_VALUE] = lsn;
    this.values[LONGEST_VALUE] = 0;
    this.resize(this.nominal, lsn);
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

  /**
   * Forgets the oldest records to have room, on word borders: readers behind are overrun. Grows where
   * that would cost a reader its place that has kept up.
   */
  private makeRoom(total: number): boolean {
    const { values } = this;
    const head = values[HEAD_VALUE]!;
    const start = values[START_VALUE]!;
    this.trackLongestRecord(total);
    let keep = Math.max(start, Math.min(head, head + total - this.nominal));
    let needed = Number.POSITIVE_INFINITY;
    if (values[SLOWEST_VALUE]! < keep || total > this.nominal) {
      needed = this.oldestKeptReader(head + total);
      keep = Math.min(keep, needed);
    }
    if (head + total - keep > this.capacity) {
      if (total > this.space || needed === Number.POSITIVE_INFINITY) {
        // Whoever was here, or comes, has to be served from the data itself.
        this.reset(head + total);
        return false;
      }
      keep = Math.max(keep, head + total - this.space);
      if (head + total - keep > this.capacity) this.grow(head + total - keep, keep);
    }
    values[START_VALUE] = keep;
    if (values[SLOWEST_VALUE]! < keep) this.updateSlowest();
    return true;
  }

  /** Whether a record of so many bytes may make the ring grow. */
  isLarge(total: number): boolean {
    return total > this.nominal * LARGE_SHARE;
  }

  private trackLongestRecord(total: number): void {
    const { values, head, start } = this;
    // Not while a reader is further behind than small records alone would have let it come.
    const passed = start >= values[LONGEST_END_VALUE]! && head - start <= this.nominal;
    if (passed) values[LONGEST_VALUE] = 0;
    if (!this.isLarge(total)) return;
    values[LONGEST_VALUE] = Math.max(values[LONGEST_VALUE]!, total);
    values[LONGEST_END_VALUE] = head + total;
  }

  /**
   * The least place of the readers that do not lose it when the head moves to `head`; Infinity: none.
   * Who was not yet slow (`room`) when a large record came keeps its place over that one as well.
   */
  private oldestKeptReader(head: number): number {
    const oldest = head - this.nominal - 2 * this.values[LONGEST_VALUE]!;
    return this.leastReaderLsn(Math.max(this.start, oldest));
  }

  private grow(needed: number, keep: number): void {
    // Some more, so that the records that follow find room at once.
    const wanted = Math.ceil((needed + this.nominal) / GROWTH_BYTES) * GROWTH_BYTES;
    this.resize(Math.min(wanted, this.space), keep);
  }

  /**
   * Makes a ring that has grown small again, when no reader needs more than the nominal bytes. Once
   * in a while: a link that has just broken may yet want to continue before the large record.
   */
  shrink(): void {
    if (!this.hasGrown) return;
    const { head, values } = this;
    const keep = Math.max(this.start, head - this.nominal);
    if (this.oldestKeptReader(head) < keep) return;
    this.resize(this.nominal, keep);
    if (keep >= values[LONGEST_END_VALUE]!) values[LONGEST_VALUE] = 0;
  }

  /** Lays the stream from `keep` on out anew, from the ring's beginning. */
  private resize(capacity: number, keep: number): void {
    const before = this.capacity;
    const held = this.head - keep;
    if (held > 0) {
      const copy = new Region(new SharedArrayBuffer((held + 7) & ~7), 0);
      this.read(keep, held, copy, 0);
      copyBytes(this.region, DATA_OFFSET, copy, 0, held);
    }
    this.words[CAPACITY_WORD] = capacity;
    this.words[HEAD_OFFSET_WORD] = held === capacity ? 0 : held;
    this.values[START_VALUE] = keep;
    if (capacity < before) releasePages(this.region, DATA_OFFSET + capacity, before - capacity);
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
    this.updateSlowest();
  }

  detachReader(reader: number): void {
    if (reader < 0) return;
    this.words[READERS_WORD]! &= ~(1 << reader);
    this.updateSlowest();
  }

  private updateSlowest(): void {
    // One that was overrun already has nothing left to lose.
    this.values[SLOWEST_VALUE] = this.leastReaderLsn(this.start);
  }

  /** The least place of the readers that is not before `oldest`; Infinity when there is none. */
  private leastReaderLsn(oldest: number): number {
    const used = this.words[READERS_WORD]!;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < READERS_MAX; i++) {
      if (((used >>> i) & 1) === 0) continue;
      const lsn = this.values[READER_VALUE + i]!;
      if (lsn < least && lsn >= oldest) least = lsn;
    }
    return least;
  }

  /**
   * Bytes of small records that may still be appended before the slowest reader is overrun, as long
   * as there is room for one more large record besides: a write's length is known too late.
   */
  get room(): number {
    if (this.words[READERS_WORD] === 0) return this.nominal;
    const slowest = this.values[SLOWEST_VALUE]!;
    // None, or one that was overrun since it moved: writing on costs nobody more.
    if (slowest === Number.POSITIVE_INFINITY || slowest < this.start) return this.nominal;
    const lag = this.head - slowest;
    return Math.min(this.nominal, this.nominal + this.values[LONGEST_VALUE]! - lag);
  }
}

/** Bytes of all rings together beyond their nominal sizes. Without locks: a hint. */
export function grownBytes(rings: readonly JournalRing[]): number {
  let sum = 0;
  for (const ring of rings) sum += ring.capacity - ring.nominal;
  return sum;
}

/**
 * A process's rings, one per shard: repl-backlog-size divided, but never tiny.
 *
 * @param spaceBytes address space for each, as much as a shard has: no record is longer
 * @throws RangeError when the system refuses that much address space
 */
export function createRings(
  shards: number,
  totalBytes: number,
  spaceBytes: number,
): SharedArrayBuffer[] {
  const each = Math.max(Math.floor(totalBytes / shards), RING_BYTES_MIN);
  return Array.from({ length: shards }, () => JournalRing.create(each, spaceBytes));
}
