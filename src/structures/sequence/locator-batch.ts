/**
 * Many entries for a locator at once. They are sorted by hash: so each bucket is met once, and its entries
 * move once for all that come.
 *
 *   note … ▶ sort ▶ knowsAny ▶ reserve ▶ merge
 *
 * `reserve` makes room, and may fail; nothing can fail after it.
 */
import { PAGE_SHIFT } from '../../memory/space-layout.js';
import {
  BUCKET_ENTRIES,
  bucketEntries,
  checkIn,
  entryWord,
  type Locator,
  leafOf,
  placeOf,
} from './locator.js';

/** Numbers of entries take so many steps of a key's value. */
const ENTRIES_MAX = 1 << 15;
const BINS = 2048;
const BIN_SHIFT = 21;
/** Entries of a bin are put in order one by one: at most so many. */
const BIN_MAX = 128;

export class LocatorBatch {
  count = 0;
  private readonly hashes = new Int32Array(ENTRIES_MAX);
  private readonly places = new Uint32Array(ENTRIES_MAX);
  /** Hash * ENTRIES_MAX + number: whole numbers of 47 bits. */
  private readonly order = new Float64Array(ENTRIES_MAX);
  private readonly starts = new Int32Array(BINS + 1);
  private readonly sortedHashes = new Int32Array(ENTRIES_MAX);
  private readonly sortedPlaces = new Uint32Array(ENTRIES_MAX);

  /** @param leaf number of the leaf, which `merge` is told the page of */
  note(hash: number, leaf: number, check: number): void {
    const { count } = this;
    this.hashes[count] = hash;
    this.places[count] = placeOf(leaf << PAGE_SHIFT, check);
    this.count++;
  }

  /** Hashes are even: by their first bits they come to bins of about one, and then almost to their places. */
  sort(): void {
    const { count, hashes, places, starts, sortedHashes, sortedPlaces } = this;
    starts.fill(0);
    for (let i = 0; i < count; i++) starts[(hashes[i]! >>> BIN_SHIFT) + 1]!++;
    let fullest = 0;
    for (let bin = 1; bin <= BINS; bin++) {
      fullest = Math.max(fullest, starts[bin]!);
      starts[bin]! += starts[bin - 1]!;
    }
    if (fullest > BIN_MAX) {
      this.sortUneven();
      return;
    }
    for (let i = 0; i < count; i++) {
      const hash = hashes[i]!;
      const at = starts[hash >>> BIN_SHIFT]!++;
      sortedHashes[at] = hash;
      sortedPlaces[at] = places[i]!;
    }
    for (let i = 1; i < count; i++) {
      const hash = sortedHashes[i]!;
      if (sortedHashes[i - 1]! >>> 0 <= hash >>> 0) continue;
      const place = sortedPlaces[i]!;
      let at = i;
      for (; at > 0 && sortedHashes[at - 1]! >>> 0 > hash >>> 0; at--) {
        sortedHashes[at] = sortedHashes[at - 1]!;
        sortedPlaces[at] = sortedPlaces[at - 1]!;
      }
      sortedHashes[at] = hash;
      sortedPlaces[at] = place;
    }
  }

  /** Hashes that somebody has chosen. */
  private sortUneven(): void {
    const { count, hashes, places, sortedHashes, sortedPlaces } = this;
    for (let i = 0; i < count; i++) this.order[i] = (hashes[i]! >>> 0) * ENTRIES_MAX + i;
    const order = this.order.subarray(0, count).sort();
    for (let i = 0; i < count; i++) {
      const entry = order[i]! % ENTRIES_MAX;
      sortedHashes[i] = hashes[entry]!;
      sortedPlaces[i] = places[entry]!;
    }
  }

  /** Makes room for all of them. @returns false: the space is full */
  reserve(locator: Locator): boolean {
    const { words } = locator.region;
    for (let i = 0; i < this.count; ) {
      const hash = this.sortedHashes[i]!;
      const bucket = locator.bucketOf(hash);
      const end = this.endIn(locator, bucket, i);
      if (bucketEntries(words, bucket) + end - i <= BUCKET_ENTRIES) i = end;
      else if (!locator.split(bucket, hash)) return false;
    }
    return true;
  }

  /** Number of the first entry behind those of a bucket. */
  private endIn(locator: Locator, bucket: number, from: number): number {
    const { count, sortedHashes } = this;
    const limit = locator.bucketEnd(bucket, sortedHashes[from]!);
    let end = from + 1;
    while (end < count && sortedHashes[end]! >>> 0 < limit) end++;
    return end;
  }

  /**
   * Whether two of them, or one of them and one that is there, have the same hash and check: they may be of
   * the same member.
   */
  knowsAny(locator: Locator): boolean {
    const { count, sortedHashes, sortedPlaces } = this;
    for (let i = 0; i < count; i++) {
      const hash = sortedHashes[i]!;
      const check = checkIn(sortedPlaces[i]!);
      for (let j = i + 1; j < count && sortedHashes[j] === hash; j++) {
        if (checkIn(sortedPlaces[j]!) === check) return true;
      }
    }
    for (let i = 0; i < count; ) {
      const bucket = locator.bucketOf(sortedHashes[i]!);
      const end = this.endIn(locator, bucket, i);
      if (this.meets(locator, bucket, i, end)) return true;
      i = end;
    }
    return false;
  }

  private meets(locator: Locator, bucket: number, from: number, to: number): boolean {
    const { sortedHashes, sortedPlaces } = this;
    const { words } = locator.region;
    let at = entryWord(bucket, 0);
    const last = entryWord(bucket, bucketEntries(words, bucket));
    for (let i = from; i < to; i++) {
      const hash = sortedHashes[i]!;
      while (at < last && words[at]! >>> 0 < hash >>> 0) at += 2;
      for (let same = at; same < last && words[same] === hash; same += 2) {
        if (checkIn(words[same + 1]! >>> 0) === checkIn(sortedPlaces[i]!)) return true;
      }
    }
    return false;
  }

  /** Enters all of them. @param leaves the page of each leaf, by the number that was noted */
  merge(locator: Locator, leaves: Int32Array): void {
    const { count, sortedHashes, sortedPlaces } = this;
    const { words } = locator.region;
    for (let i = 0; i < count; ) {
      const bucket = locator.bucketOf(sortedHashes[i]!);
      const end = this.endIn(locator, bucket, i);
      const before = bucketEntries(words, bucket);
      words[bucket >> 2] = before + end - i;
      const first = entryWord(bucket, 0);
      let from = entryWord(bucket, before) - 2;
      let to = entryWord(bucket, before + end - i) - 2;
      // From the end: what is there moves up behind what comes.
      for (let next = end - 1; next >= i; to -= 2) {
        const hash = sortedHashes[next]!;
        if (from >= first && words[from]! >>> 0 > hash >>> 0) {
          words[to] = words[from]!;
          words[to + 1] = words[from + 1]!;
          from -= 2;
          continue;
        }
        const place = sortedPlaces[next]!;
        words[to] = hash;
        words[to + 1] = placeOf(leaves[leafOf(place) >>> PAGE_SHIFT]!, checkIn(place));
        next--;
      }
      i = end;
    }
  }
}
