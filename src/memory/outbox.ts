/**
 * The sending end of one ring: from this thread to one receiver. What finds no room in the ring is
 * kept in a region of the sender's own, in order, and follows when the receiver has made room. So
 * two threads with full rings never wait for each other.
 */
import { giveBack, newRegion } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
import {
  FRAGMENT,
  FRAGMENT_BYTES_MAX,
  RECORD_HEADER_BYTES,
  RING_BYTES,
  RING_HEAD,
  RING_RECORDS,
  RING_STARVED,
  RING_TAIL,
  recordBytes,
} from './mailbox-layout.js';

const KEPT_BYTES = 64 * 1024;
/** Regions have offsets of 31 bits. */
const REGION_BYTES_MAX = 0x7fff_fff8;

export class Outbox {
  /** The receiver has not been told of what was written last. */
  touched = false;
  /** Bytes written so far; the shared head follows. */
  private head: number;
  /** The receiver's tail as it was last seen. */
  private tail: number;
  private kept: Region | null = null;
  private keptStart = 0;
  private keptEnd = 0;

  constructor(
    private readonly region: Region,
    private readonly offset: number,
  ) {
    this.head = Atomics.load(region.words, (offset + RING_HEAD) >> 2);
    this.tail = Atomics.load(region.words, (offset + RING_TAIL) >> 2);
  }

  /** Bytes that wait for room. */
  get keptBytes(): number {
    return this.keptEnd - this.keptStart;
  }

  /** Sends or keeps a message. @throws RangeError when more than 2 GiB wait */
  send(kind: number, from: Region, offset: number, length: number): void {
    let done = 0;
    let hasRoom = this.keptBytes === 0;
    do {
      const part = Math.min(length - done, FRAGMENT_BYTES_MAX);
      const word = done + part < length ? kind | FRAGMENT : kind;
      hasRoom = hasRoom && this.write(word, from, offset + done, part);
      if (!hasRoom) this.keep(word, from, offset + done, part);
      done += part;
    } while (done < length);
    if (!hasRoom) this.pump();
  }

  /** Moves what was kept into the ring, as far as there is room. */
  pump(): void {
    const kept = this.kept;
    if (kept === null || this.keptBytes === 0) return;
    while (this.keptStart < this.keptEnd) {
      if (!this.moveOne(kept) && !this.starve(kept)) return;
    }
    this.keptStart = 0;
    this.keptEnd = 0;
    if (kept.length <= KEPT_BYTES) return;
    this.kept = null;
    giveBack(kept);
  }

  /** Moves the first record that was kept. @returns whether there was room */
  private moveOne(kept: Region): boolean {
    const at = this.keptStart;
    const length = kept.words[(at + 4) >> 2]!;
    if (!this.write(kept.words[at >> 2]!, kept, at + RECORD_HEADER_BYTES, length)) return false;
    this.keptStart = at + recordBytes(length);
    return true;
  }

  /**
   * Has the receiver wake this thread when it has read. The receiver may have read just before it
   * could see that, so the sender looks once more.
   */
  private starve(kept: Region): boolean {
    Atomics.store(this.region.words, (this.offset + RING_STARVED) >> 2, 1);
    return this.moveOne(kept);
  }

  /** Writes one record and shows it to the receiver. @returns false when there is no room */
  private write(word: number, from: Region, offset: number, length: number): boolean {
    const { region } = this;
    const bytes = recordBytes(length);
    const position = this.head & (RING_BYTES - 1);
    const toEnd = RING_BYTES - position;
    const skipped = bytes > toEnd ? toEnd : 0;
    if (!this.hasRoom(bytes + skipped)) return false;
    const records = this.offset + RING_RECORDS;
    let at = records + position;
    if (skipped > 0) {
      region.words[at >> 2] = 0;
      at = records;
    }
    region.words[at >> 2] = word;
    region.words[(at + 4) >> 2] = length;
    copyBytes(region, at + RECORD_HEADER_BYTES, from, offset, length);
    this.head = (this.head + skipped + bytes) | 0;
    // The receiver reads no byte beyond the head that it has loaded.
    Atomics.store(region.words, (this.offset + RING_HEAD) >> 2, this.head);
    this.touched = true;
    return true;
  }

  private hasRoom(bytes: number): boolean {
    const limit = RING_BYTES - bytes;
    if (((this.head - this.tail) | 0) <= limit) return true;
    // What the receiver has read it does not read again.
    this.tail = Atomics.load(this.region.words, (this.offset + RING_TAIL) >> 2);
    return ((this.head - this.tail) | 0) <= limit;
  }

  private keep(word: number, from: Region, offset: number, length: number): void {
    const bytes = recordBytes(length);
    const kept = this.keptRoom(bytes);
    const at = this.keptEnd;
    kept.words[at >> 2] = word;
    kept.words[(at + 4) >> 2] = length;
    copyBytes(kept, at + RECORD_HEADER_BYTES, from, offset, length);
    this.keptEnd = at + bytes;
  }

  /** The region of what is kept, with room for more at its end. */
  private keptRoom(bytes: number): Region {
    const { kept, keptBytes } = this;
    if (kept !== null && this.keptEnd + bytes <= kept.length) return kept;
    let size = KEPT_BYTES;
    while (size < keptBytes + bytes) size *= 2;
    if (kept !== null && size <= kept.length && this.keptStart >= keptBytes) {
      copyBytes(kept, 0, kept, this.keptStart, keptBytes);
    } else {
      const larger = newRegion(Math.min(size, REGION_BYTES_MAX));
      if (keptBytes + bytes > larger.length) throw new RangeError('2 GiB wait for a thread');
      if (kept !== null) copyBytes(larger, 0, kept, this.keptStart, keptBytes);
      if (kept !== null) giveBack(kept);
      this.kept = larger;
    }
    this.keptStart = 0;
    this.keptEnd = keptBytes;
    return this.kept!;
  }
}
