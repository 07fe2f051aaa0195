/**
 * The journal of one shard: the latest effects on it, in a ring in shared memory. A position in the
 * stream of records is an LSN: the number of bytes before it.
 *
 *   0      i32  capacity in bytes at present, a multiple of 4
 *   4      i32  offset of the head in the ring
 *   8      f64  head: LSN of the next record
 *   16     f64  start: oldest LSN the ring still holds
 *   24     i32  readers: bit i is set when reader i is in use
 *   28     i32  nominal: bytes of history that are kept
 *   32     f64 × 32  the LSN from which each reader still needs the stream
 *   288    f64  the least of those LSNs that the ring still holds; Infinity when there is none
 *   296    f64  the longest large record (`isLarge`) in the ring; 0 when there is none
 *   304    f64  LSN after the last large record
 *   312    i32  lock of the stream without keys, which has no shard
 *   316    i32  most bytes that are kept from the anchor on; 0: there are no anchors
 *   320    f64  anchor: LSN from which a replica whose link was cut needs the stream; Infinity for none
 *   328    f64  of the stream without keys: LSN of the newest mark of the merged stream
 *               (replication/redis/merge-mark.ts); -1 for none
 *   336    i32  how often marks were given up whose records are not all in the journals
 *   512    the ring; records (record.ts) wrap at its end between any two words
 *
 * The capacity is nominal except for large records: a reader that has kept up does not lose its
 * place because of one record, whatever its size. The ring grows to hold the record beside the
 * bytes that the reader has not read, and `shrink` undoes that. So the ring holds at most the
 * nominal bytes and twice the longest record. Its unused memory is address space only.
 *
 * A replica whose link was cut leaves an anchor behind. From it on the ring keeps the stream beyond
 * its nominal bytes, as far as the process's whole backlog goes: one hot shard may use what the
 * others leave. The owner of all rings removes the anchors when the replicas are back, when they
 * stay away, and when all rings together have grown by the whole backlog.
 *
 * No method throws for want of memory: the ring's memory is reserved when it is created.
 *
 * Every method is called under the lock of the stream's shard, or that of the ring if there is none
 * (ring-lock.ts). So there are no atomics.
 * Exceptions are `peekHead` and `hasGrown`, and `room` of the stream without keys: they may be
 * called without it and return hints.
 */
import { releasePages } from '../base/page-release.js';
import { copyBytes, moveBytes, type Region } from '../base/region.js';
import { type JournalEffect, kindWord, RECORD_HEADER_BYTES, recordBytes } from './record.js';

const CAPACITY_WORD = 0;
const HEAD_OFFSET_WORD = 1;
const HEAD_VALUE = 1;
const START_VALUE = 2;
const READERS_WORD = 6;
const NOMINAL_WORD = 7;
const READER_VALUE = 4;
export const READERS_MAX = 32;
/** Index in `words` of the ring's own lock. */
export const RING_LOCK_WORD = 78;
const SLOWEST_VALUE = READER_VALUE + READERS_MAX;
const LONGEST_VALUE = SLOWEST_VALUE + 1;
const LONGEST_END_VALUE = SLOWEST_VALUE + 2;
const ELASTIC_WORD = 79;
const ANCHOR_VALUE = 40;
const MARK_VALUE = 41;
const VALUES = MARK_VALUE + 1;
const MARKS_SETTLED_WORD = 84;
const DATA_OFFSET = 512;
export const RING_BYTES_MIN = 256 * 1024;
/** Large records wait for readers while all rings together have grown by more than this. */
export const GROWN_BYTES_MAX = 32 << 20;
/** Offsets in a ring are 31 bits; two records of the longest value fit beside a GiB of history. */
const SPACE_BYTES_MAX = 0x7f00_0000;
const NOMINAL_BYTES_MAX = 0x4000_0000;
/** A record is large when it takes more than this share of the nominal bytes. */
const LARGE_SHARE = 0.25;
/** By how much the LSN jumps over changes without a record. A multiple of 4. */
const LOST_BYTES = 4;
/** A ring grows in multiples of this. */
const GROWTH_BYTES = 64 * 1024;

export class JournalRing {
  readonly nominal: number;
  private readonly space: number;
  readonly words: Int32Array;
  private readonly values: Float64Array;

  /** @param region over the whole buffer that `create` made */
  constructor(readonly region: Region) {
    this.words = region.words;
    this.values = new Float64Array(region.buffer, 0, VALUES);
    this.nominal = this.words[NOMINAL_WORD]!;
    this.space = (region.length - DATA_OFFSET) & ~7;
  }

  /**
   * @param nominalBytes of history that are kept
   * @param spaceBytes the capacity to which it may grow for large records
   * @param elasticBytes most bytes that are kept for replicas whose links were cut
   */
  static create(
    nominalBytes: number,
    spaceBytes = nominalBytes,
    elasticBytes = 0,
  ): SharedArrayBuffer {
    const nominal = Math.min(nominalBytes, NOMINAL_BYTES_MAX) & ~7;
    const space = Math.min(Math.max(nominal, spaceBytes), SPACE_BYTES_MAX) & ~7;
    const buffer = new SharedArrayBuffer(DATA_OFFSET + space);
    const words = new Int32Array(buffer, 0, DATA_OFFSET / 4);
    words[CAPACITY_WORD] = nominal;
    words[NOMINAL_WORD] = nominal;
    words[ELASTIC_WORD] = Math.min(elasticBytes, space) & ~7;
    const values = new Float64Array(buffer, 0, VALUES);
    values[ANCHOR_VALUE] = Number.POSITIVE_INFINITY;
    values[MARK_VALUE] = -1;
    return buffer;
  }

  get capacity(): number {
    return this.words[CAPACITY_WORD]!;
  }

  /** Whether it is larger than nominal. A hint without the lock. */
  get hasGrown(): boolean {
    return this.capacity > this.nominal;
  }

  get head(): number {
    return this.values[HEAD_VALUE]!;
  }

  /** The head at some recent moment. A hint: may be read without the lock. */
  peekHead(): number {
    return this.values[HEAD_VALUE]!;
  }

  get start(): number {
    return this.values[START_VALUE]!;
  }

  /** LSN of the newest mark of the merged stream; -1 when there is none. It may no longer be held. */
  get newestMark(): number {
    return this.values[MARK_VALUE]!;
  }

  noteMark(lsn: number): void {
    this.values[MARK_VALUE] = lsn;
  }

  /** The marks behind this one count no more, unless a later one names them. */
  settleMarks(newest: number): void {
    this.words[MARKS_SETTLED_WORD]!++;
    this.values[MARK_VALUE] = newest;
  }

  /** Changes when marks are given up. */
  get marksSettled(): number {
    return this.words[MARKS_SETTLED_WORD]!;
  }

  /** Whether the ring holds the stream from this LSN on. */
  holds(lsn: number): boolean {
    return lsn >= this.start && lsn <= this.head;
  }

  /** Empties the ring and continues at this LSN. Readers elsewhere see it from `holds`. */
  reset(lsn: number): void {
    this.values[HEAD_VALUE] = lsn;
    this.values[LONGEST_VALUE] = 0;
    this.values[ANCHOR_VALUE] = Number.POSITIVE_INFINITY;
    this.values[MARK_VALUE] = -1;
    this.resize(this.nominal, lsn);
  }

  /**
   * Gives up the history, because a change of the shard has no record. The stream continues at a
   * new LSN, so that every reader and every replica finds its place gone and nobody continues over
   * the missing record.
   */
  loseHistory(): void {
    this.reset(this.head + LOST_BYTES);
  }

  /** Appends the record of an effect. */
  append(effect: JournalEffect): void {
    const { length } = effect;
    const total = recordBytes(length);
    if (!this.makeRoom(total)) return;
    this.putWord(total);
    this.putWord(kindWord(effect));
    this.putWord(effect.h1);
    this.putBytes(effect.region, effect.offset, length);
    this.pad(total - RECORD_HEADER_BYTES - length);
    this.values[HEAD_VALUE]! += total;
  }

  /** Appends bytes of the stream: `length` bytes, a multiple of 4. */
  appendRaw(source: Region, offset: number, length: number): void {
    if (!this.makeRoom(length)) return;
    this.putBytes(source, offset, length);
    this.values[HEAD_VALUE]! += length;
  }

  /**
   * Begins a record of `total` bytes that is written with `put…` and ended with `endRecord`.
   * @returns false when the ring is too small for it: the LSN moves past it, but nobody can read it
   */
  beginRecord(total: number): boolean {
    return this.makeRoom(total);
  }

  endRecord(total: number): void {
    this.values[HEAD_VALUE]! += total;
  }

  /**
   * Drops the oldest bytes to have room, which overruns readers behind them. Grows instead if that
   * would overrun a reader that has kept up.
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
    const anchored = this.anchoredFrom(head + total);
    if (anchored < keep) {
      keep = anchored;
      needed = anchored;
    }
    if (head + total - keep > this.capacity) {
      if (total > this.space || needed === Number.POSITIVE_INFINITY) {
        // No reader can continue here. Each needs a full sync of the shard.
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

  /** From where on the stream is kept for a replica that is away, when the head is here. */
  private anchoredFrom(head: number): number {
    const anchor = this.values[ANCHOR_VALUE]!;
    const isKept = anchor >= this.start && head - anchor <= this.words[ELASTIC_WORD]!;
    return isKept ? anchor : Number.POSITIVE_INFINITY;
  }

  /** Whether a replica's anchor may make the ring larger than it is otherwise. A hint. */
  get isAnchored(): boolean {
    return this.values[ANCHOR_VALUE] !== Number.POSITIVE_INFINITY;
  }

  /** A replica that needs the stream from there has lost its link, and may come back. */
  anchor(lsn: number): void {
    if (this.words[ELASTIC_WORD] === 0 || !this.holds(lsn)) return;
    this.values[ANCHOR_VALUE] = Math.min(this.values[ANCHOR_VALUE]!, lsn);
  }

  /** Nobody is waited for any more. `shrink` gives the memory back. */
  removeAnchor(): void {
    this.values[ANCHOR_VALUE] = Number.POSITIVE_INFINITY;
  }

  /** Whether a record of this length may make the ring grow. */
  isLarge(total: number): boolean {
    return total > this.nominal * LARGE_SHARE;
  }

  private trackLongestRecord(total: number): void {
    const { values, head, start } = this;
    // A reader that is further behind than small records allow still needs the longest one.
    const passed = start >= values[LONGEST_END_VALUE]! && head - start <= this.nominal;
    if (passed) values[LONGEST_VALUE] = 0;
    if (!this.isLarge(total)) return;
    values[LONGEST_VALUE] = Math.max(values[LONGEST_VALUE]!, total);
    values[LONGEST_END_VALUE] = head + total;
  }

  /**
   * The least LSN of the readers that keep their place when the head moves to `head`; Infinity when
   * there is none. A reader that was not slow (`room`) before a large record keeps its place.
   */
  private oldestKeptReader(head: number): number {
    const oldest = head - this.nominal - 2 * this.values[LONGEST_VALUE]!;
    return this.leastReaderLsn(Math.max(this.start, oldest));
  }

  private grow(needed: number, keep: number): void {
    // More than needed, so that the next records find room at once.
    const more = this.isAnchored ? Math.max(this.nominal, needed >> 1) : this.nominal;
    const wanted = Math.ceil((needed + more) / GROWTH_BYTES) * GROWTH_BYTES;
    this.resize(Math.min(wanted, this.space), keep);
  }

  /**
   * Shrinks a ring to its nominal capacity if no reader needs more. Called from time to time, not
   * at once: a replica whose link has just broken may continue before the large record.
   */
  shrink(): void {
    if (!this.hasGrown) return;
    const { head, values } = this;
    const keep = Math.max(this.start, head - this.nominal);
    if (this.oldestKeptReader(head) < keep || this.anchoredFrom(head) < keep) return;
    this.resize(this.nominal, keep);
    if (keep >= values[LONGEST_END_VALUE]!) values[LONGEST_VALUE] = 0;
  }

  /**
   * Changes the capacity and drops the bytes before `keep`. Moves the stream inside the ring's own
   * memory, so that no allocation can fail:
   *
   *   wraps at the end        the part before the old end moves to the new end
   *   ends beyond the new end the whole moves to the ring's beginning
   *   otherwise               nothing moves
   */
  private resize(capacity: number, keep: number): void {
    const before = this.capacity;
    const held = this.head - keep;
    const from = this.offsetOf(keep);
    const untilEnd = Math.min(held, before - from);
    let headOffset = from + held;
    if (untilEnd < held) {
      const target = DATA_OFFSET + capacity - untilEnd;
      moveBytes(this.region, target, DATA_OFFSET + from, before - from);
      headOffset = held - untilEnd;
    } else if (headOffset > capacity) {
      moveBytes(this.region, DATA_OFFSET, DATA_OFFSET + from, held);
      headOffset = held;
    }
    this.words[CAPACITY_WORD] = capacity;
    this.words[HEAD_OFFSET_WORD] = headOffset === capacity ? 0 : headOffset;
    this.values[START_VALUE] = keep;
    this.assertInvariants();
    if (capacity < before) releasePages(this.region, DATA_OFFSET + capacity, before - capacity);
  }

  /** The stream lies inside the ring. Checked whenever its layout changes. */
  private assertInvariants(): void {
    const { head, start, capacity } = this;
    const offset = this.words[HEAD_OFFSET_WORD]!;
    if (start > head || head - start > capacity) {
      throw new Error(`journal: LSN ${start} to ${head} in a ring of ${capacity} bytes`);
    }
    if (capacity > this.space || offset < 0 || offset >= capacity) {
      throw new Error(`journal: head at ${offset} in a ring of ${capacity} bytes`);
    }
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
    this.assertHeld(lsn, length);
    const at = this.offsetOf(lsn);
    const first = Math.min(length, this.capacity - at);
    copyBytes(target, offset, this.region, DATA_OFFSET + at, first);
    if (first < length) copyBytes(target, offset + first, this.region, DATA_OFFSET, length - first);
  }

  /** The word at `lsn`: the length of the record that begins there. */
  wordAt(lsn: number): number {
    this.assertHeld(lsn, 4);
    return this.words[(DATA_OFFSET + this.offsetOf(lsn)) >> 2]!;
  }

  private assertHeld(lsn: number, length: number): void {
    if (lsn < this.start || lsn + length > this.head) {
      throw new Error(`journal: ${length} bytes from LSN ${lsn} are not in the ring`);
    }
  }

  private offsetOf(lsn: number): number {
    const at = this.words[HEAD_OFFSET_WORD]! - (this.head - lsn);
    return at < 0 ? at + this.capacity : at;
  }

  /** Adds a reader that needs the stream from `lsn` on. @returns its number, or -1: too many */
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
    // A reader that was overrun does not count.
    this.values[SLOWEST_VALUE] = this.leastReaderLsn(this.start);
  }

  /** The least LSN of the readers at or after `oldest`; Infinity when there is none. */
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
   * Bytes of small records that can be appended before the slowest reader is overrun, with room for
   * one more large record beside them: a write's length is not known before it has run.
   */
  get room(): number {
    if (this.words[READERS_WORD] === 0) return this.nominal;
    const slowest = this.values[SLOWEST_VALUE]!;
    // There is none, or it was overrun since it moved. More writes do no further harm.
    if (slowest === Number.POSITIVE_INFINITY || slowest < this.start) return this.nominal;
    const lag = this.head - slowest;
    return Math.min(this.nominal, this.nominal + this.values[LONGEST_VALUE]! - lag);
  }
}

/** Bytes that all rings keep beyond their nominal ones for replicas that are away. A hint. */
export function anchoredBytes(rings: readonly JournalRing[]): number {
  let sum = 0;
  for (const ring of rings) if (ring.isAnchored) sum += ring.capacity - ring.nominal;
  return sum;
}

/**
 * Bytes by which all rings together exceed their nominal sizes for large records. Without locks: a
 * hint.
 */
export function grownBytes(rings: readonly JournalRing[]): number {
  let sum = 0;
  for (const ring of rings) if (!ring.isAnchored) sum += ring.capacity - ring.nominal;
  return sum;
}

/**
 * A process's rings: one per shard, then that of the stream without keys. Each has an equal part of
 * repl-backlog-size, with a minimum.
 *
 * @param spaceBytes address space of each, as much as a shard has: no record is longer
 * @throws RangeError when the system refuses that much address space
 */
export function createRings(
  streams: number,
  totalBytes: number,
  spaceBytes: number,
): SharedArrayBuffer[] {
  const each = Math.max(Math.floor(totalBytes / streams), RING_BYTES_MIN);
  return Array.from({ length: streams }, () => JournalRing.create(each, spaceBytes, totalBytes));
}
