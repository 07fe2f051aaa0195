/**
 * Members with scores, collected from several sets and then put in order. Nothing is copied but the
 * text of integers, which has no place of its own: members are referred to where they lie, so they
 * are good until one of the sets changes.
 *
 *   by index      hash, score, place, offset, length      in arrays, one for each
 *   by hash       slots (open addressing): index + 1      only when members may come again
 *   by order      indexes, after `sort`
 *
 * A place is the number of a region that was given, or OWN_TEXT. About 40 bytes a member; what is
 * large is given back.
 */
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { compareBytes, copyBytes, equalBytes, type Region } from '../../base/region.js';
import { HashState, hashBytes } from '../../structures/hash.js';

/** Whoever collects more has to refuse it: the arrays would take gigabytes. */
export const MEMBERS_MAX = 2 ** 26;
const FIRST_CAPACITY = 1024;
const KEPT_CAPACITY = 1 << 16;
const TEXT_BYTES = 4096;
const OWN_TEXT = -1;

export class Accumulator {
  count = 0;
  /** Bytes of the longest member. */
  longestBytes = 0;
  /** The member last read, and its number in the order in which they came. */
  index = 0;
  score = Number.NaN;
  memberRegion: Region;
  memberOffset = 0;
  memberLength = 0;

  private regions: readonly Region[] = [];
  private text = newRegion(TEXT_BYTES);
  private textBytes = 0;
  private capacity = 0;
  private hashes = new Int32Array(0);
  private scores = new Float64Array(0);
  private places = new Int32Array(0);
  private offsets = new Int32Array(0);
  private lengths = new Int32Array(0);
  private order = new Int32Array(0);
  private slots = new Int32Array(0);
  private hasSlots = false;
  private readonly hash = new HashState();
  private key0 = 0;
  private key1 = 0;

  constructor() {
    this.memberRegion = this.text;
    this.grow(FIRST_CAPACITY);
  }

  /**
   * Empties it.
   * @param regions those that members may lie in, by place
   * @param findsAgain whether `put` will be called, which knows a member that came before
   */
  begin(regions: readonly Region[], findsAgain: boolean, key0: number, key1: number): void {
    this.regions = regions;
    this.count = 0;
    this.longestBytes = 0;
    this.textBytes = 0;
    this.hasSlots = findsAgain;
    this.key0 = key0;
    this.key1 = key1;
    if (findsAgain) this.slots.fill(0);
  }

  /** Adds a member that is not there. @param place the number of its region */
  append(score: number, place: number, region: Region, offset: number, length: number): void {
    if (this.count === this.capacity) this.grow(this.capacity * 2);
    const index = this.count++;
    const isThere = this.regions[place] === region;
    this.scores[index] = score;
    this.places[index] = isThere ? place : OWN_TEXT;
    this.offsets[index] = isThere ? offset : this.keepText(region, offset, length);
    this.lengths[index] = length;
    if (length > this.longestBytes) this.longestBytes = length;
  }

  private keepText(region: Region, offset: number, length: number): number {
    const at = this.textBytes;
    this.text = withRoom(this.text, at, at + length);
    copyBytes(this.text, at, region, offset, length);
    this.textBytes = at + length;
    return at;
  }

  /** Looks a member up, and adds it with this score when it is not there. @returns its index, or -1 */
  put(score: number, place: number, region: Region, offset: number, length: number): number {
    const { hash } = this;
    hashBytes(hash, region, offset, length, this.key0, this.key1);
    const found = this.indexOf(hash.h1, region, offset, length);
    if (found >= 0) return found;
    this.append(score, place, region, offset, length);
    const index = this.count - 1;
    this.hashes[index] = hash.h1;
    this.place(hash.h1, index);
    return -1;
  }

  private indexOf(h1: number, region: Region, offset: number, length: number): number {
    const { slots, hashes, lengths, offsets } = this;
    const mask = slots.length - 1;
    for (let at = h1 & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const index = slots[at]! - 1;
      if (hashes[index] !== h1 || lengths[index] !== length) continue;
      if (equalBytes(this.regionOf(index), offsets[index]!, region, offset, length)) return index;
    }
    return -1;
  }

  private place(h1: number, index: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let at = h1 & mask;
    while (slots[at] !== 0) at = (at + 1) & mask;
    slots[at] = index + 1;
  }

  private regionOf(index: number): Region {
    const place = this.places[index]!;
    return place === OWN_TEXT ? this.text : this.regions[place]!;
  }

  scoreOf(index: number): number {
    return this.scores[index]!;
  }

  setScore(index: number, score: number): void {
    this.scores[index] = score;
  }

  /** Puts the members in order: by score, then by their bytes. */
  sort(): void {
    this.keepOrder().sort((one, other) => this.compare(one, other));
  }

  /** By score alone: members of the same score stay as they came. */
  sortByScore(descending: boolean): void {
    const { scores } = this;
    const sign = descending ? -1 : 1;
    this.keepOrder().sort((one, other) => {
      const left = scores[one]!;
      const right = scores[other]!;
      return left === right ? 0 : left < right ? -sign : sign;
    });
  }

  /** Leaves the members as they came. */
  keepOrder(): Int32Array {
    const { order, count } = this;
    for (let i = 0; i < count; i++) order[i] = i;
    return order.subarray(0, count);
  }

  private compare(one: number, other: number): number {
    const { scores, offsets, lengths } = this;
    const left = scores[one]!;
    const right = scores[other]!;
    if (left !== right) return left < right ? -1 : 1;
    const region = this.regionOf(one);
    const otherRegion = this.regionOf(other);
    return compareBytes(
      region,
      offsets[one]!,
      lengths[one]!,
      otherRegion,
      offsets[other]!,
      lengths[other]!,
    );
  }

  /** Reads the member of a rank, after `sort`. */
  read(rank: number): void {
    const index = this.order[rank]!;
    this.index = index;
    this.score = this.scores[index]!;
    this.memberRegion = this.regionOf(index);
    this.memberOffset = this.offsets[index]!;
    this.memberLength = this.lengths[index]!;
  }

  private grow(capacity: number): void {
    this.hashes = larger(this.hashes, capacity);
    this.places = larger(this.places, capacity);
    this.offsets = larger(this.offsets, capacity);
    this.lengths = larger(this.lengths, capacity);
    this.order = new Int32Array(capacity);
    const scores = new Float64Array(capacity);
    scores.set(this.scores);
    this.scores = scores;
    this.capacity = capacity;
    this.slots = new Int32Array(capacity * 2);
    if (!this.hasSlots) return;
    for (let i = 0; i < this.count; i++) this.place(this.hashes[i]!, i);
  }

  /** Afterwards: gives memory back that was for many members. */
  release(): void {
    this.count = 0;
    this.regions = [];
    if (this.text.length > KEPT_CAPACITY) {
      giveBack(this.text);
      this.text = newRegion(TEXT_BYTES);
    }
    if (this.capacity > KEPT_CAPACITY) {
      this.scores = new Float64Array(0);
      for (const name of ['hashes', 'places', 'offsets', 'lengths'] as const) {
        this[name] = new Int32Array(0);
      }
      this.grow(FIRST_CAPACITY);
    }
  }
}

function larger(array: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(capacity);
  grown.set(array);
  return grown;
}
