/**
 * The writing half of a table: see table.ts.
 *
 * A put appends to the frame's log, or fills a gap in it. An existing entry changes in place if the new
 * one is not longer, or the old one ends the log or has a gap behind it. Otherwise the new entry is put
 * elsewhere and the old bytes are garbage.
 * Allocation (room in a frame, runs) comes before any change, so that a full space changes nothing.
 */
import { copyBytes, moveBytes } from '../base/region.js';
import { PAGE_BYTES, PAGE_SHIFT } from '../memory/space-layout.js';
import {
  ENTRY_KEY_RUN,
  ENTRY_VALUE_RUN,
  headerBytes,
  INLINE_LIMIT,
  KEY_INLINE_LIMIT,
  KEY_RUN_BYTES,
  KIND_SHIFT,
  pagesFor,
  VALUE_RUN_BYTES,
  writeHeader,
} from './entry.js';
import {
  bucketsOf,
  capacityBytes,
  depthOf,
  FRAME_COMMITTED,
  FRAME_ENTRIES,
  FRAME_EXPIRING,
  FRAME_EXPIRY_BYTE,
  FRAME_LIVE,
  FRAME_TOP,
  fingerprintOf,
  frameOf,
  homeOf,
} from './frame.js';
import { gapBytes, gapContinues, noteGap, takeGap } from './frame-gap.js';
import { createFirstFrame, makeSpace, markSparse, needsSpace } from './frame-maintenance.js';
import { countExpiring, lowerExpiry, updateCommittedPages } from './frame-rewrite.js';
import { type SlotOrder, slotOfNew, slotOfUsefulness } from './slot-order.js';
import {
  bucketOffset,
  clearSlot,
  ensureEmptySlot,
  insertSlot,
  raiseSlot,
  setReference,
} from './slots.js';
import { TableReader } from './table-reader.js';

/** Runs that grow by resize double up to 1 MiB, then grow by an eighth, 1 MiB at least. */
const DOUBLING_PAGES = (1 << 20) / PAGE_BYTES;
/** From here on a native fill is faster than a loop. */
const FILL_BYTES = 64;

export class TableWriter extends TableReader {
  /** The layout of the entry about to be written, from `computeLayout`. */
  private newHeader = 0;
  private newSize = 0;
  private newInRun = false;
  private runPages = 0;

  /**
   * Creates or replaces the entry of the key last searched for. The old value is lost.
   * @param expiry as base/expiry-time.ts has it, 0 for none
   * @returns where the value's bytes are to be written, or -1 when the space is full (and nothing
   *   has changed)
   */
  put(kind: number, valueLength: number, expiry: number): number {
    if (!this.found) return this.insert(kind, valueLength, expiry);
    if (valueLength === this.valueLength && expiry === 0 && this.expiry === 0) {
      this.setKind(kind);
      return this.valueOffset;
    }
    return this.rewriteEntry(kind, valueLength, expiry, 0, false);
  }

  /**
   * Changes the length of the value last found. The bytes up to the shorter length stay, bytes
   * beyond the old length are zero. Kind and expiry stay.
   * @returns where the value's bytes are, or -1 when the space is full
   */
  resize(newLength: number): number {
    this.assertFound();
    const oldLength = this.valueLength;
    const keep = Math.min(oldLength, newLength);
    const at = this.rewriteEntry(this.kind, newLength, this.expiry, keep, newLength > oldLength);
    if (at >= 0) this.zero(at + keep, newLength - keep);
    return at;
  }

  /** Changes the kind of the entry last found, in place. */
  setKind(kind: number): void {
    this.assertFound();
    const at = this.entryOffset;
    this.bytes[at] = (this.bytes[at]! & ((1 << KIND_SHIFT) - 1)) | (kind << KIND_SHIFT);
    this.kind = kind;
  }

  /**
   * Sets (or with 0 removes) the expiry of the entry last found.
   * @returns false: the space is full
   */
  setExpiry(expiry: number): boolean {
    this.assertFound();
    const { keyLength, valueLength } = this;
    if (expiry === 0 || this.expiry === 0) {
      return this.rewriteEntry(this.kind, valueLength, expiry, valueLength, false) >= 0;
    }
    // It has its place in the entry already.
    const at = this.entryOffset + headerBytes(keyLength, valueLength, false);
    this.view.setFloat64(at, expiry, true);
    lowerExpiry(this.region, this.frame, expiry);
    this.expiry = expiry;
    return true;
  }

  /** Removes the entry last found. Nothing else moves. */
  remove(): void {
    this.assertFound();
    const { words, directory, entry, frame } = this;
    const at = frame >> 2;
    entry.decode(this.region, this.entryOffset);
    clearSlot(words, this.bytes, this.bucket, this.slot);
    words[at + FRAME_ENTRIES]!--;
    words[at + FRAME_LIVE]! -= entry.size;
    const start = this.entryOffset - frame;
    if (start + entry.size === words[at + FRAME_TOP]) words[at + FRAME_TOP] = start;
    else noteGap(words, frame, start, entry.size);
    this.updateExpiry(entry.expiry, 0);
    let bytes = entry.size;
    if ((entry.flags & ENTRY_KEY_RUN) !== 0) {
      bytes += entry.keyLength;
      directory.freeRun(entry.keyOffset, pagesFor(entry.keyLength));
    }
    if (entry.valuePages > 0) {
      bytes += entry.valueLength;
      directory.freeRun(entry.valueOffset, entry.valuePages);
    }
    directory.count(-1, 0, -bytes);
    this.found = false;
    markSparse(directory, frame);
  }

  /** The entry just put is new: gives it a place in the order of its bucket's slots (slot-order.ts). */
  placeNew(order: SlotOrder): void {
    const { slot, bucket } = this;
    const target = slotOfNew(this.words, this.frame, bucket, slot, order);
    if (target === slot) return;
    raiseSlot(this.region, bucket, slot, target);
    this.slot = target;
  }

  /** Gives the entry last found, or put, the place of one that is as useful as this, from 0 to `most`. */
  placeByUsefulness(useful: number, most: number): void {
    this.assertFound();
    const { slot, bucket } = this;
    const target = slotOfUsefulness(useful, most);
    if (target < slot) raiseSlot(this.region, bucket, slot, target);
    // Those behind it move forward, one after the other.
    for (let i = slot; i < target; i++) raiseSlot(this.region, bucket, i + 1, i);
    this.slot = target;
  }

  private assertFound(): void {
    if (!this.found) throw new Error('table: no entry was found to change');
  }

  private zero(offset: number, length: number): void {
    const bytes = this.bytes;
    if (length > FILL_BYTES) {
      bytes.fill(0, offset, offset + length);
      return;
    }
    for (let i = 0; i < length; i++) bytes[offset + i] = 0;
  }

  /** Computes the layout of an entry. */
  private computeLayout(
    keyLength: number,
    keyPart: number,
    valueLength: number,
    expiry: number,
  ): void {
    const header = headerBytes(keyLength, valueLength, expiry !== 0);
    const inRun = header + keyPart + valueLength > INLINE_LIMIT;
    this.newHeader = header;
    this.newInRun = inRun;
    this.newSize = header + keyPart + (inRun ? VALUE_RUN_BYTES : valueLength);
  }

  private insert(kind: number, valueLength: number, expiry: number): number {
    const directory = this.directory;
    const keyLength = this.sourceLength;
    const keyInRun = keyLength > KEY_INLINE_LIMIT;
    const keyPart = keyInRun ? KEY_RUN_BYTES : keyLength;
    this.computeLayout(keyLength, keyPart, valueLength, expiry);
    const { newSize: size, newInRun: inRun } = this;
    const home = this.makeRoom(size, true);
    if (home < 0) return -1;
    const keyPages = keyInRun ? pagesFor(keyLength) : 0;
    const pages = inRun ? pagesFor(valueLength) : 0;
    const keyRun = keyInRun ? directory.allocateRun(keyPages) : 0;
    if (keyInRun && keyRun === 0) return this.abandonInsert(0, 0);
    const run = inRun ? directory.allocateRun(pages) : 0;
    if (inRun && run === 0) return this.abandonInsert(keyRun, keyPages);

    const entry = this.append(size);
    this.place(home, entry);
    const flags = (keyInRun ? ENTRY_KEY_RUN : 0) | (inRun ? ENTRY_VALUE_RUN : 0);
    const lead = (kind << KIND_SHIFT) | flags;
    const at = writeHeader(this.region, entry, lead, keyLength, valueLength, expiry);
    if (keyInRun) this.view.setInt32(at, keyRun >>> PAGE_SHIFT, true);
    if (inRun) this.writeRun(at + keyPart, run, pages);
    const keyAt = keyInRun ? keyRun : at;
    copyBytes(this.region, keyAt, this.source, this.sourceOffset, keyLength);
    this.words[(this.frame >> 2) + FRAME_ENTRIES]!++;
    this.updateExpiry(0, expiry);
    directory.count(1, 0, size + (keyInRun ? keyLength : 0) + (inRun ? valueLength : 0));
    this.keyOffset = keyAt;
    this.valueOffset = inRun ? run : at + keyPart;
    return this.describe(entry, kind, valueLength, expiry);
  }

  /** Undoes an insert that got no run. A frame created for it goes with the next maintenance. */
  private abandonInsert(keyRun: number, keyPages: number): number {
    if (keyRun !== 0) this.directory.freeRun(keyRun, keyPages);
    if (this.size === 0) this.directory.markForMaintenance(this.frame);
    return -1;
  }

  /** Inserts the slot of a new entry. `makeRoom` has ensured that one is empty. */
  private place(home: number, entry: number): void {
    const { words, bytes, view, frame } = this;
    const fingerprint = fingerprintOf(this.h2);
    const place = insertSlot(words, bytes, view, frame, home, fingerprint, entry - frame);
    this.bucket = bucketOffset(frame, place >> 5);
    this.slot = place & 31;
    this.found = true;
  }

  private writeRun(at: number, run: number, pages: number): void {
    this.view.setInt32(at, run >>> PAGE_SHIFT, true);
    this.view.setInt32(at + 4, pages, true);
  }

  /** Sets the other fields that describe the entry. @returns where its value is */
  private describe(entry: number, kind: number, valueLength: number, expiry: number): number {
    this.entryOffset = entry;
    this.kind = kind;
    this.expiry = expiry;
    this.keyLength = this.sourceLength;
    this.valueLength = valueLength;
    return this.valueOffset;
  }

  /**
   * Bytes for an entry: the gap of the frame, or the end of its log. `makeRoom` has ensured the space.
   * @returns where they are
   */
  private append(size: number): number {
    const { words, frame } = this;
    const at = frame >> 2;
    words[at + FRAME_LIVE]! += size;
    if (gapBytes(words, frame) >= size) return frame + takeGap(words, frame, size);
    const top = words[at + FRAME_TOP]!;
    this.setTop(top + size);
    return frame + top;
  }

  private setTop(top: number): void {
    const at = this.frame >> 2;
    this.words[at + FRAME_TOP] = top;
    if (top > this.words[at + FRAME_COMMITTED]! << PAGE_SHIFT)
      updateCommittedPages(this.directory, this.frame);
  }

  /**
   * Makes room for `size` bytes in the log of the key's frame and, with `slot`, for one more entry.
   * @returns the key's home bucket, or -1 when the space is full
   */
  private makeRoom(size: number, slot: boolean): number {
    const { words, bytes, view, directory } = this;
    let moved = false;
    while (true) {
      const reference = directory.lookup(this.h1);
      if (reference === 0) {
        if (!createFirstFrame(directory)) return -1;
        continue;
      }
      const frame = frameOf(reference);
      const buckets = bucketsOf(reference);
      const home = homeOf(this.h1, depthOf(reference), buckets);
      const full = gapBytes(words, frame) < size && needsSpace(words, frame, size);
      const crowded = slot && !full && !ensureEmptySlot(words, bytes, view, frame, buckets, home);
      this.frame = frame;
      if (!full && !crowded) {
        if (moved && this.found) this.seek();
        return home;
      }
      this.copyKeyAside();
      moved = true;
      if (makeSpace(directory, frame, size, crowded)) continue;
      if (this.found) this.seek();
      return -1;
    }
  }

  /**
   * Rewrites the entry last found with another kind, length and expiry. The first `keep` bytes of
   * its value stay.
   */
  private rewriteEntry(
    kind: number,
    length: number,
    expiry: number,
    keep: number,
    headroom: boolean,
  ): number {
    const { region, entry, directory } = this;
    entry.decode(region, this.entryOffset);
    this.computeLayout(entry.keyLength, entry.keyPart, length, expiry);
    if (!this.fits(this.newSize)) {
      if (this.makeRoom(this.newSize, false) < 0 && !this.staysInRun(length)) return -1;
      entry.decode(region, this.entryOffset);
    }
    const { newHeader: header, newSize: size, newInRun: inRun } = this;
    const { keyPart, valuePages: oldPages, size: oldSize } = entry;
    const oldRun = oldPages > 0 ? entry.valueOffset : 0;
    const run = inRun ? this.valueRun(length, keep, headroom) : 0;
    if (inRun && run === 0) return -1;

    // An entry that keeps its size does not touch the frame's header: that saves a cache miss.
    const target = size === oldSize ? entry.offset : this.relocateEntry(size);
    const body = keyPart + (oldRun === 0 && !inRun ? keep : 0);
    this.moveBody(target + header, entry.offset + entry.header, body);
    const flags = (entry.flags & ENTRY_KEY_RUN) | (inRun ? ENTRY_VALUE_RUN : 0);
    writeHeader(region, target, (kind << KIND_SHIFT) | flags, entry.keyLength, length, expiry);
    const valueAt = target + header + keyPart;
    if (inRun) this.writeRun(valueAt, run, this.runPages);
    else if (oldRun !== 0) copyBytes(region, valueAt, region, oldRun, keep);
    if (oldRun !== 0 && oldRun !== run) directory.freeRun(oldRun, oldPages);

    const before = oldSize + (oldRun !== 0 ? entry.valueLength : 0);
    directory.count(0, 0, size + (inRun ? length : 0) - before);
    this.updateExpiry(entry.expiry, expiry);
    if (size !== oldSize) markSparse(directory, this.frame);
    this.keyOffset = (flags & ENTRY_KEY_RUN) !== 0 ? entry.keyOffset : target + header;
    this.valueOffset = inRun ? run : valueAt;
    return this.describe(target, kind, length, expiry);
  }

  /**
   * Without room for a short value in the frame, a value that has a run stays there. So a value that
   * does not grow can always be stored.
   */
  private staysInRun(length: number): boolean {
    const { entry } = this;
    entry.decode(this.region, this.entryOffset);
    if (entry.valuePages === 0 || this.newInRun || length === 0) return false;
    this.newInRun = true;
    this.newSize = this.newHeader + entry.keyPart + VALUE_RUN_BYTES;
    return this.fits(this.newSize);
  }

  /** Whether `relocateEntry` has room for the decoded entry in its new size. */
  private fits(size: number): boolean {
    const entry = this.entry;
    const { words, frame } = this;
    if (size <= entry.size || !needsSpace(words, frame, size)) return true;
    const start = entry.offset - frame;
    const end = start + entry.size;
    if (gapBytes(words, frame) >= size) return true;
    if (gapContinues(words, frame, end, size - entry.size)) return true;
    const top = words[(frame >> 2) + FRAME_TOP]!;
    return end === top && start + size <= capacityBytes(words, frame);
  }

  /**
   * Finds the place of the decoded entry in its new size. It stays where it is if it does not grow, ends
   * the log or has a gap behind it. Otherwise it moves to a gap or to the log's end, and its slot follows.
   */
  private relocateEntry(size: number): number {
    const { words, entry, frame } = this;
    const at = frame >> 2;
    const start = entry.offset - frame;
    const end = start + entry.size;
    const growth = size - entry.size;
    const isLast = end === words[at + FRAME_TOP];
    if (isLast && start + size <= capacityBytes(words, frame)) this.setTop(start + size);
    else if (growth < 0) noteGap(words, frame, start + size, -growth);
    else if (gapContinues(words, frame, end, growth)) takeGap(words, frame, growth);
    else {
      words[at + FRAME_LIVE]! -= entry.size;
      const target = this.append(size);
      setReference(this.view, this.bucket, this.slot, target - frame);
      noteGap(words, frame, start, entry.size);
      return target;
    }
    words[at + FRAME_LIVE]! += growth;
    return entry.offset;
  }

  /** Moves a key (and an inline value) within the frame; the ranges may overlap. */
  private moveBody(to: number, from: number, length: number): void {
    if (to === from) return;
    if (to > from && to < from + length) moveBytes(this.region, to, from, length);
    else copyBytes(this.region, to, this.region, from, length);
  }

  /**
   * The run for the decoded entry's new value, with the bytes to keep in it: its present run if
   * that is long enough, or a new one. Stores the run's length in `runPages`.
   * @returns 0 when the space is full
   */
  private valueRun(length: number, keep: number, headroom: boolean): number {
    const { entry, directory } = this;
    const old = entry.valuePages;
    const needed = pagesFor(length);
    this.runPages = old;
    if (needed <= old) {
      if (old > 2 * needed) {
        directory.trimRun(entry.valueOffset, old, needed);
        this.runPages = needed;
      }
      return entry.valueOffset;
    }
    const extra = old < DOUBLING_PAGES ? old : Math.max(DOUBLING_PAGES, old >> 3);
    this.runPages = headroom ? Math.max(needed, old + extra) : needed;
    let run = directory.allocateRun(this.runPages);
    if (run === 0 && this.runPages > needed) {
      this.runPages = needed;
      run = directory.allocateRun(needed);
    }
    if (run !== 0) copyBytes(this.region, run, this.region, entry.valueOffset, keep);
    return run;
  }

  /** Updates the expiry counts of frame and table after an entry's expiry changed. */
  private updateExpiry(before: number, after: number): void {
    if (before !== 0 && after !== 0) {
      lowerExpiry(this.region, this.frame, after);
    } else if (after !== 0) {
      countExpiring(this.region, this.frame, after);
      this.directory.count(0, 1, 0);
    } else if (before !== 0) {
      const at = (this.frame >> 2) + FRAME_EXPIRING;
      const left = this.words[at]! - 1;
      this.words[at] = left;
      if (left === 0) {
        this.view.setFloat64(this.frame + FRAME_EXPIRY_BYTE, Number.POSITIVE_INFINITY, true);
      }
      this.directory.count(0, -1, 0);
    }
  }
}
