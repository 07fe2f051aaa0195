/**
 * A scored set that gets leaves of a peer's set, in the order of their scores. A leaf whose elements all lie
 * behind those that are there becomes a leaf of this set as it is: the tree is searched once for it, and what
 * each of its members costs is a hash and an entry of the locator. Where a member is there already, or the leaf
 * lies elsewhere, each of its members is sought, and gets its score.
 *
 * Several leaves whose members are all new are entered in the locator at once (locator-batch.ts).
 */
import type { Region } from '../../base/region.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { ElementView } from './element.js';
import { leafCount } from './leaf.js';
import { checkIn, checkOf, leafOf, placeOf } from './locator.js';
import { LocatorBatch } from './locator-batch.js';
import { slotOfMember } from './member-search.js';
import { aimElement, compareElement } from './order.js';
import { ORDER_SCORE } from './root.js';
import { ScoredSet } from './scored-set.js';

/** What becomes of a member that is to be entered in the locator. */
const ENTERED = 0;
const THERE = 1;
const FULL = 2;

/** Leaves that are taken at once: of so many, all members have room in a batch. */
const LEAVES_MAX = 32;

/** One for each thread. */
const batch = new LocatorBatch();

export class ReceivedSet extends ScoredSet {
  private readonly received = new ElementView();
  private readonly leaves = new Int32Array(LEAVES_MAX);

  /**
   * Takes leaves, one page after the other, that were verified (isScoredLeafAlone).
   * @param offset of the first page: a multiple of its length
   * @returns false when the space is full: some of the members may have been added
   */
  takeLeaves(source: Region, offset: number, count: number): boolean {
    if (count > 1 && count <= LEAVES_MAX && this.areBehind(source, offset, count)) {
      if (this.takeTogether(source, offset, count)) return true;
    }
    for (let i = 0; i < count; i++) {
      if (!this.takeLeaf(source, offset + i * PAGE_BYTES)) return false;
    }
    return true;
  }

  /** Whether the leaves follow each other and what is there. */
  private areBehind(source: Region, offset: number, count: number): boolean {
    if (this.root.node !== 0 && !this.isBehind(source, offset)) return false;
    for (let i = 1; i < count; i++) {
      const before = offset + (i - 1) * PAGE_BYTES;
      aimElement(source, before + PAGE_BYTES, 0, ORDER_SCORE, this.key);
      const last = leafCount(source.words, before) - 1;
      if (compareElement(source, before, last, ORDER_SCORE, this.key) >= 0) return false;
    }
    return true;
  }

  /** Takes leaves with new members. @returns false when there may be others, or the space is full: nothing was done */
  private takeTogether(source: Region, offset: number, count: number): boolean {
    const { locator, root, leaves } = this;
    if (!locator.exists) {
      const isPlanted = root.node === 0 ? locator.create() : this.plantLocator();
      if (!isPlanted) return false;
    }
    if (!this.noteMembers(source, offset, count) || !batch.reserve(locator)) {
      this.leaveLocator();
      return false;
    }
    for (let i = 0; i < count; i++) {
      if (!this.appendLeaf(source, offset + i * PAGE_BYTES)) {
        while (i-- > 0) this.dropLast();
        this.leaveLocator();
        return false;
      }
      leaves[i] = root.last;
    }
    batch.merge(locator, leaves);
    return true;
  }

  /** Prepares the entries of all members. @returns false when one may be there already */
  private noteMembers(source: Region, offset: number, count: number): boolean {
    const { received } = this;
    batch.count = 0;
    for (let i = 0; i < count; i++) {
      const leaf = offset + i * PAGE_BYTES;
      const elements = leafCount(source.words, leaf);
      for (let slot = 0; slot < elements; slot++) {
        received.read(source, leaf, slot, ORDER_SCORE);
        const hash = this.hashOf(source, received.offset, received.length);
        batch.note(hash, i, checkOf(source, received.offset, received.length));
      }
    }
    batch.sort();
    return !batch.knowsAny(this.locator);
  }

  /** After leaves that were not taken: a set of one leaf, or of none, has no locator. */
  private leaveLocator(): void {
    if (this.root.node === 0) this.locator.clear();
    else this.dropLocator();
  }

  /** Takes the last leaf out of the tree. */
  private dropLast(): void {
    const { root, words } = this;
    const count = leafCount(words, root.last);
    this.descendToRank(root.elements - count);
    this.closeAtPath(count);
  }

  /**
   * Takes a leaf that was verified (isScoredLeafAlone).
   * @param offset of the page: a multiple of its length
   * @returns false when the space is full: some of its members may have been added
   */
  takeLeaf(source: Region, offset: number): boolean {
    const { root, locator } = this;
    if (root.node === 0) {
      if (hasTwice(source, offset)) return this.takeMembers(source, offset);
      return this.appendLeaf(source, offset);
    }
    if (!this.isBehind(source, offset)) return this.takeMembers(source, offset);
    if (!locator.exists && !this.plantLocator()) return false;
    if (!this.appendLeaf(source, offset)) {
      this.dropLocator();
      return false;
    }
    const leaf = root.last;
    const count = leafCount(this.words, leaf);
    let entered = 0;
    let outcome = ENTERED;
    while (entered < count && outcome === ENTERED) {
      outcome = this.enter(leaf, entered);
      if (outcome === ENTERED) entered++;
    }
    if (outcome === ENTERED) return true;
    this.withdraw(leaf, entered);
    return outcome === THERE && this.takeMembers(source, offset);
  }

  /** Whether the first element of a leaf comes behind the last one that is there. */
  private isBehind(source: Region, offset: number): boolean {
    const { region, root, key, words } = this;
    aimElement(source, offset, 0, ORDER_SCORE, key);
    const last = leafCount(words, root.last) - 1;
    return compareElement(region, root.last, last, ORDER_SCORE, key) < 0;
  }

  /** Enters an element of the last leaf in the locator, unless its member is there already. */
  private enter(leaf: number, slot: number): number {
    const { region, locator, member } = this;
    const hash = this.hashAt(leaf, slot);
    const { offset, length } = member;
    const check = checkOf(region, offset, length);
    if (!locator.reserve(hash)) return FULL;
    locator.seek(hash);
    for (let place = locator.placeOf(hash); place >= 0; place = locator.placeOf(hash)) {
      if (checkIn(place) === check) {
        const found = slotOfMember(region, leafOf(place), region, offset, length);
        if (found >= 0 && (leafOf(place) !== leaf || found !== slot)) return THERE;
      }
      locator.index++;
    }
    locator.insertAt(locator.bucket, locator.index, hash, placeOf(leaf, check));
    return ENTERED;
  }

  /** Takes the last leaf away again, the first elements of which were entered. */
  private withdraw(leaf: number, entered: number): void {
    const { locator } = this;
    for (let slot = 0; slot < entered; slot++) {
      const hash = this.hashAt(leaf, slot);
      locator.remove(hash, this.placeAt(leaf));
    }
    this.dropLast();
    this.dropLocator();
  }

  /** Takes the members one by one. @returns false when the space is full */
  private takeMembers(source: Region, offset: number): boolean {
    const { received } = this;
    const count = leafCount(source.words, offset);
    for (let slot = 0; slot < count; slot++) {
      received.read(source, offset, slot, ORDER_SCORE);
      const { score, length } = received;
      // Not `update`, which takes 0 and -0 for the same score.
      if (this.find(source, received.offset, length)) {
        this.removeFound();
        this.find(source, received.offset, length);
      }
      if (!this.add(score)) return false;
    }
    return true;
  }
}

const twice = new ElementView();

/** Whether a member is in a leaf with two scores. */
function hasTwice(source: Region, offset: number): boolean {
  const count = leafCount(source.words, offset);
  for (let slot = 1; slot < count; slot++) {
    twice.read(source, offset, slot, ORDER_SCORE);
    if (slotOfMember(source, offset, source, twice.offset, twice.length) !== slot) return true;
  }
  return false;
}
