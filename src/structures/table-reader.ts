/**
 * The reading half of a table: finding an entry and describing it. See table.ts.
 *
 * A lookup touches the root and the directory (both small and hot), one or two adjacent buckets,
 * and the entry. Four fingerprints are compared at once: xor of their word with the wanted
 * fingerprint repeated four times has a zero byte where they match.
 */
import { copyBytes, equalBytes, Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { PAGE_BYTES, PAGE_SHIFT } from '../memory/space-layout.js';
import { Directory } from './directory.js';
import {
  ENTRY_EXPIRES,
  ENTRY_KEY_RUN,
  Entry,
  EXPIRY_BYTES,
  KEY_INLINE_LIMIT,
  pagesFor,
  readVarint,
  varintBytes,
} from './entry.js';
import {
  BUCKET_BYTES,
  bucketsOf,
  depthOf,
  FRAME_TOP,
  fingerprintOf,
  frameOf,
  homeOf,
} from './frame.js';
import { countUse, type SlotOrder, slotAfterUse, usefulness } from './slot-order.js';
import { bucketOffset, displacedSlots, raiseSlot, referenceAt, zeroBytes } from './slots.js';

/** A bucket's share of an entry, at the usual load: fingerprint, reference and what stays empty. */
const SLOT_BYTES = 4;

/** A copy of the key while its frame is rewritten, if the key was given as bytes of that frame. */
const keyCopy = new Region(new SharedArrayBuffer(KEY_INLINE_LIMIT), 0);

/** Whether an entry's key is these bytes. */
function keyMatches(
  region: Region,
  entry: number,
  source: Region,
  offset: number,
  length: number,
): boolean {
  const bytes = region.bytes;
  const flags = bytes[entry]!;
  let at = entry + 2;
  if (length < 128) {
    if (bytes[entry + 1] !== length) return false;
  } else {
    if (readVarint(region, entry + 1) !== length) return false;
    at = entry + 1 + varintBytes(length);
  }
  while (bytes[at++]! >= 128) {}
  if ((flags & ENTRY_EXPIRES) !== 0) at += EXPIRY_BYTES;
  if ((flags & ENTRY_KEY_RUN) !== 0) at = region.view.getInt32(at, true) << PAGE_SHIFT;
  return equalBytes(region, at, source, offset, length);
}

export class TableReader {
  readonly region: Region;
  protected readonly words: Int32Array;
  protected readonly bytes: Uint8Array;
  protected readonly view: DataView;
  protected readonly directory: Directory;
  protected readonly entry = new Entry();

  /** The entry last found, put or decoded. */
  kind = 0;
  /** As base/expiry-time.ts has it; 0 when it has none. */
  expiry = Number.NaN;
  keyOffset = 0;
  keyLength = 0;
  valueOffset = 0;
  valueLength = 0;
  entryOffset = 0;

  /** The key last searched for. */
  protected source: Region;
  protected sourceOffset = 0;
  protected sourceLength = 0;
  protected h1 = 0;
  protected h2 = 0;
  /** Where it was found, or would be inserted. */
  protected found = false;
  protected frame = 0;
  protected bucket = 0;
  protected slot = 0;

  constructor(
    readonly space: Space,
    root: number,
  ) {
    this.region = space.region;
    this.words = space.region.words;
    this.bytes = space.region.bytes;
    this.view = space.region.view;
    this.directory = new Directory(space, root);
    this.source = space.region;
  }

  /**
   * Makes this object a view of another table of the same space.
   * @param region where the root lies: the space, or memory of the caller's
   */
  attach(root: number, region: Region = this.region): void {
    this.directory.attach(root, region);
    this.found = false;
    this.frame = 0;
  }

  get root(): number {
    return this.directory.root;
  }

  get size(): number {
    return this.directory.entries;
  }

  get expiring(): number {
    return this.directory.expiring;
  }

  /** Bytes of all entries, with the keys and values in runs. */
  get liveBytes(): number {
    return this.directory.liveBytes;
  }

  /** Keys and values that lie in runs of their own. */
  get runs(): number {
    return this.directory.runs;
  }

  /** Pages in use by frames, runs and directory. */
  get allocatedPages(): number {
    return this.directory.pages;
  }

  get frames(): number {
    return this.directory.frames;
  }

  /** A number that the owner keeps in the root, 0 in a new one. */
  get ownerNumber(): number {
    return this.directory.ownerNumber;
  }

  set ownerNumber(value: number) {
    this.directory.ownerNumber = value;
  }

  /** Frames marked for maintenance. */
  get waiting(): number {
    return this.directory.waiting;
  }

  /**
   * Looks a key up. If it returns true, the fields describe the entry. The mutators use this key
   * and its position, so the key's bytes must stay in place until the last of them.
   */
  find(source: Region, offset: number, length: number, h1: number, h2: number): boolean {
    this.source = source;
    this.sourceOffset = offset;
    this.sourceLength = length;
    this.h1 = h1;
    this.h2 = h2;
    return this.seek();
  }

  /**
   * Reads what an insertion under this hash will meet, so that it is in the cache then: many such
   * reads wait for memory together, insertions one by one.
   */
  warm(h1: number): number {
    const reference = this.directory.lookup(h1);
    if (reference === 0) return 0;
    const frame = frameOf(reference);
    const home = homeOf(h1, depthOf(reference), bucketsOf(reference));
    const { words } = this;
    return (
      words[bucketOffset(frame, home) >> 2]! ^
      words[(frame + words[(frame >> 2) + FRAME_TOP]!) >> 2]!
    );
  }

  /** Looks up the key of the last `find` (again). */
  protected seek(): boolean {
    const reference = this.directory.lookup(this.h1);
    const frame = frameOf(reference);
    this.frame = frame;
    this.found = false;
    if (reference === 0) return false;
    const home = homeOf(this.h1, depthOf(reference), bucketsOf(reference));
    const bucket = bucketOffset(frame, home);
    if (this.search(bucket)) return true;
    return displacedSlots(this.words, bucket) > 0 && this.search(bucket + BUCKET_BYTES);
  }

  private search(bucket: number): boolean {
    const words = this.words;
    const first = bucket >> 2;
    const pattern = Math.imul(fingerprintOf(this.h2), 0x01010101);
    for (let i = 0; i < 5; i++) {
      let hits = zeroBytes(words[first + i]! ^ pattern);
      while (hits !== 0) {
        const shift = 24 - Math.clz32(hits);
        hits ^= 128 << shift;
        if (this.keyIsAt(bucket, i * 4 + (shift >> 3))) return true;
      }
    }
    return false;
  }

  private keyIsAt(bucket: number, slot: number): boolean {
    const entry = this.frame + referenceAt(this.view, bucket, slot);
    const { region, source, sourceOffset, sourceLength } = this;
    if (!keyMatches(region, entry, source, sourceOffset, sourceLength)) return false;
    this.bucket = bucket;
    this.slot = slot;
    this.found = true;
    this.decode(entry);
    return true;
  }

  /**
   * The same as `find` for the key that was last found or put, as long as its entry is where it was then: it may
   * have been rewritten since. False: nothing is known.
   */
  findAgain(source: Region, offset: number, length: number): boolean {
    const { region, entryOffset } = this;
    if (!this.found) return false;
    // Another entry may have been decoded since.
    if (this.frame + referenceAt(this.view, this.bucket, this.slot) !== entryOffset) return false;
    if (!keyMatches(region, entryOffset, source, offset, length)) return false;
    this.source = source;
    this.sourceOffset = offset;
    this.sourceLength = length;
    this.decode(entryOffset);
    return true;
  }

  /** The entry last found was used: its slot moves forward in its bucket. See slot-order.ts. */
  noteUse(order: SlotOrder): void {
    const { slot, bucket } = this;
    const target = slotAfterUse(slot, order);
    if (target === slot) return;
    countUse(this.words, this.frame, bucket, slot, order);
    raiseSlot(this.region, bucket, slot, target);
    this.slot = target;
  }

  /** How useful the entry last found seems to be, from 0 to `most`: by the place of its slot. */
  usefulness(most: number): number {
    return usefulness(this.slot, most);
  }

  /**
   * What the entry last found, put or decoded takes: its bytes, its share of a bucket and the pages
   * of its runs, with the room in them that is not used.
   */
  get storedBytes(): number {
    const { entry } = this;
    entry.decode(this.region, this.entryOffset);
    const keyPages = (entry.flags & ENTRY_KEY_RUN) !== 0 ? pagesFor(entry.keyLength) : 0;
    return entry.size + SLOT_BYTES + (keyPages + entry.valuePages) * PAGE_BYTES;
  }

  /** Describes the entry at a byte offset (from a scan) in the fields. */
  decode(entryOffset: number): void {
    const entry = this.entry;
    entry.decode(this.region, entryOffset);
    this.entryOffset = entryOffset;
    this.kind = entry.kind;
    this.expiry = entry.expiry;
    this.keyOffset = entry.keyOffset;
    this.keyLength = entry.keyLength;
    this.valueOffset = entry.valueOffset;
    this.valueLength = entry.valueLength;
  }

  /** Called before entries move: copies the key if it lies among them. Runs do not move. */
  protected copyKeyAside(): void {
    if (this.source !== this.region || this.sourceLength > KEY_INLINE_LIMIT) return;
    copyBytes(keyCopy, 0, this.source, this.sourceOffset, this.sourceLength);
    this.source = keyCopy;
    this.sourceOffset = 0;
  }
}
