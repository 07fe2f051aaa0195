/**
 * A locator: from the hash of a member to the leaf that holds it. It is an extendible hash (Fagin,
 * Nievergelt, Pippenger, Strong, 1979) of pages whose entries lie in the order of their hashes.
 *
 *   root   0   u32  page of the directory, or with depth 0 of the one bucket (0: there is none)
 *          4   i32  depth of the directory
 *          8   i32  pages: buckets and directory
 *          12  i32  buckets as deep as the directory
 *
 *   bucket 0   i32  entries
 *          4   i32  depth: how many of the first bits of all its hashes are the same
 *          8   511 entries: u32 hash; u32 bits 0-18 page of the leaf, bits 19-31 check
 *
 * The check is a few bits of the member that cost no hash: with them one leaf is searched for one
 * entry's member without hashing every other. Hashes are even, so an entry is found by guessing
 * where it lies and a few steps. A full bucket is cut in two by the next bit, without looking at any
 * member. 8 bytes an entry in buckets that are 69 % full on average: about 11 bytes a member.
 */
import type { Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { PAGE_BYTES, PAGE_SHIFT } from '../../memory/space-layout.js';

export const LOCATOR_ROOT_BYTES = 16;
const PAGE = 0;
const DEPTH = 4;
const PAGES = 8;
const DEEPEST = 12;

export const BUCKET_ENTRIES = 511;
/** Two buckets that hold no more than this are merged. */
const MERGE_ENTRIES = 256;
const DEPTH_MAX = 24;
const WORDS_PER_PAGE = PAGE_BYTES / 4;
/** Bits of a place that name the leaf. */
const PAGE_BITS = 19;
const TWO_32 = 2 ** 32;

function directoryPages(depth: number): number {
  return Math.ceil(2 ** depth / WORDS_PER_PAGE);
}

/** Word of an entry's hash. */
export function entryWord(bucket: number, index: number): number {
  return (bucket >> 2) + 2 + index * 2;
}

export function bucketEntries(words: Int32Array, bucket: number): number {
  return words[bucket >> 2]!;
}

export function bucketDepth(words: Int32Array, bucket: number): number {
  return words[(bucket >> 2) + 1]!;
}

/** A few bits of a member that cost no hash: its length and its first and last bytes. */
export function checkOf(region: Region, offset: number, length: number): number {
  const view = region.view;
  let mixed = length;
  if (length >= 4) {
    const first = view.getInt32(offset, true);
    const last = view.getInt32(offset + length - 4, true);
    mixed ^= Math.imul(first, 0x85ebca6b) ^ Math.imul(last, 0xc2b2ae35);
  } else {
    for (let i = 0; i < length; i++) mixed = Math.imul(mixed ^ view.getUint8(offset + i), 16777619);
  }
  return Math.imul(mixed ^ (mixed >>> 15), 0x9e3779b1) >>> PAGE_BITS;
}

/** A leaf and a check as an entry of the locator keeps them. */
export function placeOf(leaf: number, check: number): number {
  return ((check << PAGE_BITS) | (leaf >>> PAGE_SHIFT)) >>> 0;
}

export function leafOf(place: number): number {
  return (place & ((1 << PAGE_BITS) - 1)) << PAGE_SHIFT;
}

export function checkIn(place: number): number {
  return place >>> PAGE_BITS;
}

export class Locator {
  readonly region: Region;
  private readonly words: Int32Array;
  private root = 0;
  /** The memory that the root lies in: not the space, where the root is kept aside. */
  private rootRegion: Region;
  private rootView: DataView;
  /** Where `seek` went. */
  bucket = 0;
  index = 0;

  constructor(readonly space: Space) {
    this.region = space.region;
    this.words = space.region.words;
    this.rootRegion = space.region;
    this.rootView = space.region.view;
  }

  /** Makes this object speak of the locator whose root lies there. */
  attach(region: Region, offset: number): void {
    this.rootRegion = region;
    this.rootView = region.view;
    this.root = offset;
  }

  private get(field: number): number {
    return this.rootView.getInt32(this.root + field, true);
  }

  private set(field: number, value: number): void {
    this.rootView.setInt32(this.root + field, value, true);
  }

  private commit(pagesDelta: number): void {
    this.set(PAGES, this.pages + pagesDelta);
    this.space.commit(pagesDelta);
  }

  get exists(): boolean {
    return this.get(PAGE) !== 0;
  }

  get depth(): number {
    return this.get(DEPTH);
  }

  get pages(): number {
    return this.get(PAGES);
  }

  get deepest(): number {
    return this.get(DEEPEST);
  }

  /** Byte offset of the directory, or of the one bucket. */
  get top(): number {
    return this.get(PAGE) << PAGE_SHIFT;
  }

  /** One empty bucket. @returns false when the space is full */
  create(): boolean {
    const bucket = this.allocateBucket(0);
    if (bucket === 0) return false;
    this.set(PAGE, bucket >>> PAGE_SHIFT);
    this.set(DEEPEST, 1);
    return true;
  }

  private allocateBucket(depth: number): number {
    const bucket = this.space.allocate(1);
    if (bucket === 0) return 0;
    this.commit(1);
    this.words[bucket >> 2] = 0;
    this.words[(bucket >> 2) + 1] = depth;
    return bucket;
  }

  private freeBucket(bucket: number): void {
    this.commit(-1);
    this.space.free(bucket, 1);
  }

  /** The bucket of a hash. */
  bucketOf(hash: number): number {
    const depth = this.depth;
    const top = this.top;
    if (depth === 0) return top;
    return this.words[(top >> 2) + (hash >>> (32 - depth))]! << PAGE_SHIFT;
  }

  /** Goes to the first entry whose hash is not less, or behind the last one of its bucket. */
  seek(hash: number): void {
    const words = this.words;
    const bucket = this.bucketOf(hash);
    const count = bucketEntries(words, bucket);
    const wanted = hash >>> 0;
    const inside = (hash << bucketDepth(words, bucket)) >>> 0;
    let index = Math.floor((inside / TWO_32) * count);
    let at = entryWord(bucket, index);
    while (index > 0 && words[at - 2]! >>> 0 >= wanted) {
      index--;
      at -= 2;
    }
    while (index < count && words[at]! >>> 0 < wanted) {
      index++;
      at += 2;
    }
    this.bucket = bucket;
    this.index = index;
  }

  /** The place at the entry sought, if it has this hash; -1 otherwise. */
  placeOf(hash: number): number {
    const { words, bucket, index } = this;
    if (index >= bucketEntries(words, bucket)) return -1;
    const at = entryWord(bucket, index);
    return words[at] === (hash | 0) ? words[at + 1]! >>> 0 : -1;
  }

  /** Goes to the entry of this hash and place. @returns false when there is none */
  private seekEntry(hash: number, place: number): boolean {
    this.seek(hash);
    for (let found = this.placeOf(hash); found >= 0; found = this.placeOf(hash)) {
      if (found === place) return true;
      this.index++;
    }
    return false;
  }

  /** Makes sure that one more entry of this hash has room. @returns false: the space is full */
  reserve(hash: number): boolean {
    for (;;) {
      const bucket = this.bucketOf(hash);
      if (bucketEntries(this.words, bucket) < BUCKET_ENTRIES) return true;
      if (!this.split(bucket, hash)) return false;
    }
  }

  /** Adds an entry where `reserve` made room. @param place page of the leaf and check */
  insert(hash: number, place: number): void {
    this.seek(hash);
    this.insertAt(this.bucket, this.index, hash, place);
  }

  /** The same where `seek` went to find the hash's place. */
  insertAt(bucket: number, index: number, hash: number, place: number): void {
    const { words } = this;
    const at = entryWord(bucket, index);
    words.copyWithin(at + 2, at, entryWord(bucket, bucketEntries(words, bucket)));
    words[at] = hash;
    words[at + 1] = place;
    words[bucket >> 2]!++;
  }

  /** Changes the place of an entry. */
  move(hash: number, before: number, after: number): void {
    if (!this.seekEntry(hash, before)) throw new Error('locator: the entry to move is missing');
    this.words[entryWord(this.bucket, this.index) + 1] = after;
  }

  /** The same for the entry of this hash that `seek` went to. */
  moveAt(bucket: number, index: number, hash: number, after: number): void {
    const at = this.wordOf(bucket, index, hash);
    this.words[at + 1] = after;
  }

  remove(hash: number, place: number): void {
    if (!this.seekEntry(hash, place)) throw new Error('locator: the entry to remove is missing');
    this.removeAt(this.bucket, this.index, hash);
  }

  /** The same for the entry of this hash that `seek` went to. */
  removeAt(bucket: number, index: number, hash: number): void {
    const { words } = this;
    const at = this.wordOf(bucket, index, hash);
    words.copyWithin(at, at + 2, entryWord(bucket, bucketEntries(words, bucket)));
    words[bucket >> 2]!--;
    if (bucketEntries(words, bucket) * 2 <= MERGE_ENTRIES) this.merge(bucket, hash);
  }

  /** Word of an entry. @throws when it has another hash */
  private wordOf(bucket: number, index: number, hash: number): number {
    const at = entryWord(bucket, index);
    if (this.words[at] !== (hash | 0)) throw new Error('locator: another entry is there');
    return at;
  }

  /** Makes the words of a bucket's range refer to it. */
  private publish(bucket: number, hash: number): void {
    const depth = this.depth;
    if (depth === 0) {
      this.set(PAGE, bucket >>> PAGE_SHIFT);
      return;
    }
    const span = depth - bucketDepth(this.words, bucket);
    const first = (this.top >> 2) + (((hash >>> (32 - depth)) >>> span) << span);
    this.words.fill(bucket >>> PAGE_SHIFT, first, first + 2 ** span);
  }

  /** Cuts a bucket in two by its next bit. @returns false: the space is full */
  split(bucket: number, hash: number): boolean {
    const words = this.words;
    const depth = bucketDepth(words, bucket);
    if (depth >= DEPTH_MAX) return false;
    const right = this.allocateBucket(depth + 1);
    if (right === 0) return false;
    if (depth === this.depth && !this.double()) {
      this.freeBucket(right);
      return false;
    }
    const count = bucketEntries(words, bucket);
    const bit = 1 << (31 - depth);
    let cut = 0;
    while (cut < count && (words[entryWord(bucket, cut)]! & bit) === 0) cut++;
    words.copyWithin(entryWord(right, 0), entryWord(bucket, cut), entryWord(bucket, count));
    words[bucket >> 2] = cut;
    words[(bucket >> 2) + 1] = depth + 1;
    words[right >> 2] = count - cut;
    this.publish(right, hash | bit);
    if (depth + 1 === this.depth) this.set(DEEPEST, this.deepest + 2);
    return true;
  }

  private double(): boolean {
    const { words, depth } = this;
    const from = this.top >> 2;
    const doubled = directoryPages(depth + 1);
    const run = this.space.allocate(doubled);
    if (run === 0) return false;
    this.commit(doubled);
    const to = run >> 2;
    for (let i = 0; i < 2 ** depth; i++) {
      const page = depth === 0 ? this.get(PAGE) : words[from + i]!;
      words[to + 2 * i] = page;
      words[to + 2 * i + 1] = page;
    }
    if (depth > 0) this.freeDirectory(depth);
    this.set(PAGE, run >>> PAGE_SHIFT);
    this.set(DEPTH, depth + 1);
    this.set(DEEPEST, 0);
    return true;
  }

  private freeDirectory(depth: number): void {
    const pages = directoryPages(depth);
    this.commit(-pages);
    this.space.free(this.top, pages);
  }

  /** Merges a sparse bucket with its buddy, and the result with its own. */
  private merge(bucket: number, hash: number): void {
    const words = this.words;
    let current = bucket;
    for (let depth = bucketDepth(words, current); depth > 0; depth--) {
      const bit = 1 << (32 - depth);
      const buddy = this.bucketOf(hash ^ bit);
      const own = bucketEntries(words, current);
      const other = bucketEntries(words, buddy);
      if (bucketDepth(words, buddy) !== depth || own + other > MERGE_ENTRIES) break;
      const [left, right] = (hash & bit) === 0 ? [current, buddy] : [buddy, current];
      const moved = bucketEntries(words, right);
      const end = entryWord(left, bucketEntries(words, left));
      words.copyWithin(end, entryWord(right, 0), entryWord(right, moved));
      words[left >> 2]! += moved;
      words[(left >> 2) + 1] = depth - 1;
      this.publish(left, hash);
      this.freeBucket(right);
      if (depth === this.depth) this.set(DEEPEST, this.deepest - 2);
      current = left;
    }
    while (this.depth > 0 && this.deepest === 0) this.halve();
  }

  /** Drops the last bit of the directory, in place; pages that it needs no more go. */
  private halve(): void {
    const words = this.words;
    const depth = this.depth - 1;
    const from = this.top >> 2;
    let deepest = 0;
    for (let i = 0; i < 2 ** depth; i++) {
      const page = words[from + 2 * i]!;
      words[from + i] = page;
      if (bucketDepth(words, page << PAGE_SHIFT) === depth) deepest++;
    }
    if (depth === 0) {
      const bucket = words[from]!;
      this.freeDirectory(1);
      this.set(PAGE, bucket);
    } else {
      const keep = directoryPages(depth);
      const pages = directoryPages(depth + 1);
      if (keep < pages) {
        this.commit(keep - pages);
        this.space.free(this.top + keep * PAGE_BYTES, pages - keep);
      }
    }
    this.set(DEPTH, depth);
    this.set(DEEPEST, deepest);
  }

  /**
   * Frees about `budgetPages` buckets, from the end of the directory; the locator answers nothing
   * from the first step on. `deepest` counts the words of the directory that are left.
   * @param begun whether this is not the first step
   * @returns true when nothing is left
   */
  reclaimStep(budgetPages: number, begun: boolean): boolean {
    if (!this.exists) return true;
    const { words, depth } = this;
    if (depth === 0) {
      this.freeBucket(this.top);
      this.forget();
      return true;
    }
    let left = begun ? this.deepest : 2 ** depth;
    const directory = this.top >> 2;
    for (let budget = Math.max(1, budgetPages); left > 0 && budget > 0; budget--) {
      const bucket = words[directory + left - 1]! << PAGE_SHIFT;
      left -= 2 ** (depth - bucketDepth(words, bucket));
      this.freeBucket(bucket);
    }
    this.set(DEEPEST, left);
    if (left > 0) return false;
    this.freeDirectory(depth);
    this.forget();
    return true;
  }

  /** Frees everything. */
  clear(): void {
    for (let begun = false; !this.reclaimStep(4096, begun); begun = true);
  }

  private forget(): void {
    this.rootRegion.bytes.fill(0, this.root, this.root + LOCATOR_ROOT_BYTES);
  }

  /** The hash position (0 to 2^32) behind a bucket's range. */
  bucketEnd(bucket: number, hash: number): number {
    const depth = bucketDepth(this.words, bucket);
    const span = 2 ** (32 - depth);
    return Math.floor((hash >>> 0) / span) * span + span;
  }

  hashAt(bucket: number, index: number): number {
    return this.words[entryWord(bucket, index)]!;
  }

  placeAt(bucket: number, index: number): number {
    return this.words[entryWord(bucket, index) + 1]! >>> 0;
  }
}
