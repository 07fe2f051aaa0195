/**
 * The bytes that a replica has received of its primary's streams and has not applied yet, and the
 * transactions that wait for parts. Shared memory of all flows of a sync, so that any flow can go
 * on with any shard: whoever completes a transaction applies it, and then what waited behind it.
 *
 *   0      i32  lock of the transactions
 *   4      i32  lock of the large records
 *   8      i32  pages of large records in use
 *   64     i32  of each shard: lock of its stream
 *          then, of each shard, i32 start and i32 end of its bytes in its window, i32 offset, i32
 *          length and i32 bytes received of its large record, i32 parked state
 *          then, from a multiple of 8 on, of each shard, f64 parked LSN
 *
 * The bytes lie in two other regions. One has twice the window for each shard, so that bytes seldom
 * move. The other is a Space for records that are longer than a window.
 *
 * A stream stops at its part of a transaction over several shards: the shard is parked, and its flow
 * goes on with its other shards. The part contains the LSNs of all parts of its transaction. The
 * flow that parks the last part finds none missing and claims all of them. Transactions have the
 * same order on all shards, so the oldest one can always be completed.
 *
 * The primary sends at most a window beyond what a shard has acknowledged, or one record that is
 * longer (primary/send-window.ts). So the windows hold everything but that record.
 *
 * Order of locks: streams in ascending order, shards in ascending order, then one of the others. A
 * thread holds the lock of a stream while it applies or changes the stream's bytes. Streams out of
 * order are only tried (`tryLockStream`).
 */
import { giveBack, openRegion } from '../../base/owned-region.js';
import { copyBytes, Region } from '../../base/region.js';
import { participantAt, participants, RECORD_BYTES_MAX } from '../../journal/record.js';
import { isAwaited, lockBlocking, tryLock, unlock } from '../../memory/lock.js';
import { Space } from '../../memory/space.js';
import { pagesFor } from '../../structures/entry.js';
import type { ShardList } from './shard-list.js';

const TRANSACTIONS_LOCK = 0;
const LARGE_LOCK = 1;
const LARGE_PAGES = 2;
const HEADER_WORDS = 16;
/** Words of each shard. */
const SHARD_WORDS = 7;

const PART_NONE = 0;
const PART_PARKED = 1;
const PART_CLAIMED = 2;

/** What is at the head of a stream. */
export const FRONT_NOTHING = 0;
export const FRONT_RECORD = 1;
export const FRONT_WRONG = 2;

export interface PendingMemory {
  readonly control: SharedArrayBuffer;
  readonly windows: SharedArrayBuffer;
  readonly large: SharedArrayBuffer;
  readonly shards: number;
  /** The primary's window. */
  readonly windowBytes: number;
}

/** A record in place. */
export class PendingRecord {
  region!: Region;
  offset = 0;
  length = 0;
}

export class PendingStreams {
  readonly shards: number;
  private readonly windowBytes: number;
  private readonly words: Int32Array;
  private readonly locks: number;
  private readonly start: Int32Array;
  private readonly end: Int32Array;
  private readonly largeOffset: Int32Array;
  private readonly largeLength: Int32Array;
  private readonly largeReceived: Int32Array;
  private readonly parked: Int32Array;
  private readonly parkedLsn: Float64Array;
  private readonly windows: Region;
  private readonly large: Region;
  private readonly space: Space;

  /** @param owner this thread's number + 1 */
  constructor(
    memory: PendingMemory,
    private readonly owner: number,
  ) {
    const { control, shards, windowBytes } = memory;
    this.shards = shards;
    this.windowBytes = windowBytes;
    this.words = new Int32Array(control);
    this.locks = HEADER_WORDS;
    const of = (field: number) =>
      new Int32Array(control, (HEADER_WORDS + field * shards) * 4, shards);
    this.start = of(1);
    this.end = of(2);
    this.largeOffset = of(3);
    this.largeLength = of(4);
    this.largeReceived = of(5);
    this.parked = of(6);
    this.parkedLsn = new Float64Array(control, lsnsOffset(shards), shards);
    this.windows = openRegion(memory.windows);
    this.large = openRegion(memory.large);
    this.space = new Space(this.large, this.words, LARGE_PAGES);
  }

  /** @param largeBytes address space for large records, a multiple of 1 MiB up to 2 GiB */
  static create(shards: number, windowBytes: number, largeBytes: number): PendingMemory {
    const large = new SharedArrayBuffer(largeBytes);
    Space.format(new Region(large, 0), 0, 0);
    return {
      control: new SharedArrayBuffer(lsnsOffset(shards) + shards * 8),
      windows: new SharedArrayBuffer(shards * windowBytes * 2),
      large,
      shards,
      windowBytes,
    };
  }

  /** Gives the memory back to the system when no flow uses it any more: what waits is lost. */
  static giveBack({ windows, large }: PendingMemory): void {
    giveBack(openRegion(windows));
    giveBack(openRegion(large));
  }

  lockStream(shard: number): void {
    lockBlocking(this.words, this.locks + shard, this.owner);
  }

  /** Takes the lock of a stream if it is free, or soon is: whatever locks the caller holds. */
  tryLockStream(shard: number): boolean {
    return tryLock(this.words, this.locks + shard, this.owner);
  }

  /** Whether a thread may be asleep until the lock of the stream is free. For its holder. */
  isStreamAwaited(shard: number): boolean {
    return isAwaited(this.words, this.locks + shard);
  }

  unlockStream(shard: number): void {
    unlock(this.words, this.locks + shard);
  }

  /** Whether nothing of the stream waits. Its lock is held, as for all methods with a shard. */
  isEmpty(shard: number): boolean {
    return this.start[shard] === this.end[shard] && this.largeOffset[shard] === 0;
  }

  /** Whether the stream stops at a part that is not applied yet. */
  isParked(shard: number): boolean {
    return this.parked[shard] !== PART_NONE;
  }

  /** @returns false when the primary sends more than it may, or there is no room */
  append(shard: number, source: Region, offset: number, length: number): boolean {
    let at = offset;
    const end = offset + length;
    while (at < end) {
      const missing = this.largeLength[shard]! - this.largeReceived[shard]!;
      if (missing > 0) {
        const part = Math.min(missing, end - at);
        const target = this.largeOffset[shard]! + this.largeReceived[shard]!;
        copyBytes(this.large, target, source, at, part);
        this.largeReceived[shard]! += part;
        at += part;
      } else if (this.beginsLarge(shard, source, at, end)) {
        if (!this.beginLarge(shard, source.view.getUint32(at, true))) return false;
      } else {
        return this.appendToWindow(shard, source, at, end - at);
      }
    }
    return true;
  }

  private beginsLarge(shard: number, source: Region, at: number, end: number): boolean {
    return this.isEmpty(shard) && end - at >= 4 && this.isLarge(source.view.getUint32(at, true));
  }

  private isLarge(length: number): boolean {
    return length > this.windowBytes && length <= RECORD_BYTES_MAX && length % 4 === 0;
  }

  /** Makes room for a record that is longer than the window. */
  private beginLarge(shard: number, length: number): boolean {
    lockBlocking(this.words, LARGE_LOCK, this.owner);
    const run = this.space.allocate(pagesFor(length));
    unlock(this.words, LARGE_LOCK);
    if (run === 0) return false;
    this.largeOffset[shard] = run;
    this.largeLength[shard] = length;
    this.largeReceived[shard] = 0;
    return true;
  }

  private appendToWindow(shard: number, source: Region, offset: number, length: number): boolean {
    const base = shard * this.windowBytes * 2;
    const used = this.end[shard]! - this.start[shard]!;
    if (used + length > this.windowBytes * 2) return false;
    if (this.end[shard]! + length > this.windowBytes * 2) {
      copyBytes(this.windows, base, this.windows, base + this.start[shard]!, used);
      this.start[shard] = 0;
      this.end[shard] = used;
    }
    copyBytes(this.windows, base + this.end[shard]!, source, offset, length);
    this.end[shard]! += length;
    return true;
  }

  /** Finds the record at the head of the stream. @returns FRONT_* */
  front(shard: number, into: PendingRecord): number {
    if (this.largeOffset[shard] !== 0) {
      into.region = this.large;
      into.offset = this.largeOffset[shard]!;
      into.length = this.largeLength[shard]!;
      return this.largeReceived[shard] === into.length ? FRONT_RECORD : FRONT_NOTHING;
    }
    const bytes = this.end[shard]! - this.start[shard]!;
    if (bytes < 4) return FRONT_NOTHING;
    const offset = shard * this.windowBytes * 2 + this.start[shard]!;
    const length = this.windows.view.getUint32(offset, true);
    into.region = this.windows;
    into.offset = offset;
    into.length = length;
    if (length <= bytes) return FRONT_RECORD;
    if (length <= this.windowBytes && length % 4 === 0) return FRONT_NOTHING;
    if (!this.isLarge(length) || !this.beginLarge(shard, length)) return FRONT_WRONG;
    this.clearWindow(shard);
    this.append(shard, this.windows, offset, bytes);
    return FRONT_NOTHING;
  }

  /** Where the bytes end that `front` found in this region. */
  endOf(shard: number, region: Region): number {
    return region === this.windows ? shard * this.windowBytes * 2 + this.end[shard]! : 0;
  }

  private clearWindow(shard: number): void {
    this.start[shard] = 0;
    this.end[shard] = 0;
  }

  /** Drops the first `length` bytes: they were applied. They are one record if it is large. */
  consume(shard: number, length: number): void {
    if (this.largeOffset[shard] !== 0) {
      this.freeLarge(shard);
      return;
    }
    this.start[shard]! += length;
    if (this.start[shard] === this.end[shard]) this.clearWindow(shard);
  }

  private freeLarge(shard: number): void {
    lockBlocking(this.words, LARGE_LOCK, this.owner);
    this.space.free(this.largeOffset[shard]!, pagesFor(this.largeLength[shard]!));
    unlock(this.words, LARGE_LOCK);
    this.largeOffset[shard] = 0;
    this.largeLength[shard] = 0;
    this.largeReceived[shard] = 0;
  }

  /**
   * Called after a part was applied elsewhere, before asking who waits for it: who parks a shard while this is
   * called either is seen waiting, or has seen what was applied. Both happen under the lock of transactions.
   */
  meetParking(): void {
    lockBlocking(this.words, TRANSACTIONS_LOCK, this.owner);
    unlock(this.words, TRANSACTIONS_LOCK);
  }

  /** Whether the shard waits for a transaction that nobody has claimed. */
  waitsForParts(shard: number): boolean {
    return this.parked[shard] === PART_PARKED;
  }

  /**
   * Parks the shard at the part at the head of its stream, if it is not parked already, and claims
   * the whole transaction if no part is missing.
   *
   * @param applied LSN applied by shard; a part before it needs nothing
   * @param claimed receives the shards whose parts the caller must apply, in ascending order; none
   *   when a part is missing
   */
  park(shard: number, part: PendingRecord, applied: Float64Array, claimed: ShardList): void {
    const { region, offset } = part;
    claimed.clear();
    lockBlocking(this.words, TRANSACTIONS_LOCK, this.owner);
    if (this.parked[shard] === PART_NONE) {
      this.parked[shard] = PART_PARKED;
      this.parkedLsn[shard] = applied[shard]!;
    }
    const count = this.parked[shard] === PART_PARKED ? participants(region, offset) : 0;
    for (let i = 0; i < count; i++) {
      const at = participantAt(offset, i);
      const other = region.view.getUint16(at, true);
      const lsn = region.view.getFloat64(at + 2, true);
      if (applied[other]! > lsn) continue;
      if (this.parked[other] !== PART_PARKED || this.parkedLsn[other] !== lsn) {
        claimed.clear();
        break;
      }
      claimed.push(other);
    }
    for (let i = 0; i < claimed.count; i++) this.parked[claimed.at(i)] = PART_CLAIMED;
    unlock(this.words, TRANSACTIONS_LOCK);
  }

  /**
   * The claimed parts were applied: their shards go on. The locks of their streams are held. To whoever
   * parks another shard, a part that is claimed is missing as one is that is not there yet: so this
   * needs no lock of the transactions.
   */
  release(claimed: ShardList): void {
    for (let i = 0; i < claimed.count; i++) this.parked[claimed.at(i)] = PART_NONE;
  }

  /**
   * Drops all that waits of a shard, which is shipped again.
   * @returns false while another thread applies its part: release the lock and call again
   */
  discard(shard: number): boolean {
    lockBlocking(this.words, TRANSACTIONS_LOCK, this.owner);
    const isClaimed = this.parked[shard] === PART_CLAIMED;
    if (!isClaimed) this.parked[shard] = PART_NONE;
    unlock(this.words, TRANSACTIONS_LOCK);
    if (isClaimed) return false;
    this.clearWindow(shard);
    if (this.largeOffset[shard] !== 0) this.freeLarge(shard);
    return true;
  }
}

function lsnsOffset(shards: number): number {
  return ((HEADER_WORDS + SHARD_WORDS * shards) * 4 + 7) & ~7;
}
