/**
 * Many new entries at once: see table.ts. A put asks where the entry is, whether the frame has gaps, whether
 * key or value need runs, and says afterwards what it has put. Here short entries are appended that are
 * not there yet, to frames that have room; the first one that is anything else ends it, and is the caller's to put.
 */
import { copyBytes, type Region } from '../base/region.js';
import { PAGE_SHIFT } from '../memory/space-layout.js';
import { headerBytes, INLINE_LIMIT, KEY_INLINE_LIMIT, KIND_SHIFT, writeHeader } from './entry.js';
import {
  BUCKET_BYTES,
  bucketsOf,
  depthOf,
  FRAME_COMMITTED,
  FRAME_ENTRIES,
  FRAME_LIVE,
  FRAME_TOP,
  fingerprintOf,
  frameOf,
  homeOf,
} from './frame.js';
import { gapBytes } from './frame-gap.js';
import { needsSpace } from './frame-maintenance.js';
import { countExpiring, updateCommittedPages } from './frame-rewrite.js';
import { bucketOffset, displacedSlots, ensureEmptySlot, insertSlot, zeroBytes } from './slots.js';
import { TableWriter } from './table-writer.js';

/** Keys and values that come by column. */
export interface EntryRows {
  /** Where keys and values lie. */
  readonly region: Region;
  /** Where the key of a row begins; its value follows. */
  readonly offset: Int32Array;
  readonly keyLength: Int32Array;
  readonly valueLength: Int32Array;
  /** As base/expiry-time.ts has it, 0 for none. */
  readonly expiry: Float64Array;
  readonly h1: Int32Array;
  readonly h2: Int32Array;
  /** Rows as they are to be put. */
  readonly order: Int32Array;
}

/** Whether a slot of the bucket has this fingerprint. */
function hasFingerprint(words: Int32Array, bucket: number, fingerprint: number): boolean {
  const pattern = Math.imul(fingerprint, 0x01010101);
  const at = bucket >> 2;
  const first = zeroBytes(words[at]! ^ pattern) | zeroBytes(words[at + 1]! ^ pattern);
  const second = zeroBytes(words[at + 2]! ^ pattern) | zeroBytes(words[at + 3]! ^ pattern);
  return (first | second | zeroBytes(words[at + 4]! ^ pattern)) !== 0;
}

export class TableFiller extends TableWriter {
  /**
   * Puts the rows at the places `from` to `end` of their order, as far as it goes.
   * @returns the first place whose row was not put: it is there already, is long, or needs a frame changed
   */
  fill(rows: EntryRows, from: number, end: number, kind: number): number {
    const { order } = rows;
    let bytes = 0;
    let expiring = 0;
    let at = from;
    for (; at < end; at++) {
      const i = order[at]!;
      const size = this.putRow(rows, i, kind);
      if (size === 0) break;
      bytes += size;
      if (rows.expiry[i] !== 0) expiring++;
    }
    this.directory.count(at - from, expiring, bytes);
    // What was found last may be another frame's now.
    this.found = false;
    return at;
  }

  /** @returns the size of the entry, 0 when it was not put */
  private putRow(rows: EntryRows, i: number, kind: number): number {
    const { words, region, directory } = this;
    const keyLength = rows.keyLength[i]!;
    const valueLength = rows.valueLength[i]!;
    const expiry = rows.expiry[i]!;
    const header = headerBytes(keyLength, valueLength, expiry !== 0);
    const size = header + keyLength + valueLength;
    if (keyLength > KEY_INLINE_LIMIT || size > INLINE_LIMIT) return 0;
    const h1 = rows.h1[i]!;
    const reference = directory.lookup(h1);
    if (reference === 0) return 0;
    const frame = frameOf(reference);
    const buckets = bucketsOf(reference);
    const home = homeOf(h1, depthOf(reference), buckets);
    const bucket = bucketOffset(frame, home);
    const fingerprint = fingerprintOf(rows.h2[i]!);
    if (this.mayHave(bucket, fingerprint) && this.isThere(rows, i)) return 0;
    if (gapBytes(words, frame) !== 0 || needsSpace(words, frame, size)) return 0;
    if (!ensureEmptySlot(words, this.bytes, this.view, frame, buckets, home)) return 0;

    const head = frame >> 2;
    const top = words[head + FRAME_TOP]!;
    insertSlot(words, this.bytes, this.view, frame, home, fingerprint, top);
    words[head + FRAME_ENTRIES]!++;
    words[head + FRAME_LIVE]! += size;
    words[head + FRAME_TOP] = top + size;
    if (top + size > words[head + FRAME_COMMITTED]! << PAGE_SHIFT) {
      updateCommittedPages(directory, frame);
    }
    if (expiry !== 0) countExpiring(region, frame, expiry);
    const lead = kind << KIND_SHIFT;
    const to = writeHeader(region, frame + top, lead, keyLength, valueLength, expiry);
    copyBytes(region, to, rows.region, rows.offset[i]!, keyLength + valueLength);
    return size;
  }

  /** Whether an entry of this home bucket has the fingerprint. */
  private mayHave(bucket: number, fingerprint: number): boolean {
    const { words } = this;
    if (hasFingerprint(words, bucket, fingerprint)) return true;
    if (displacedSlots(words, bucket) === 0) return false;
    return hasFingerprint(words, bucket + BUCKET_BYTES, fingerprint);
  }

  private isThere(rows: EntryRows, i: number): boolean {
    return this.find(rows.region, rows.offset[i]!, rows.keyLength[i]!, rows.h1[i]!, rows.h2[i]!);
  }
}
