/**
 * A scored set that gets leaves of a peer's set, in the order of their scores. Leaves whose elements all lie
 * behind those that are there, and whose members are all new, become leaves of this set as they are: the tree
 * is searched once for each leaf, and their members are entered in the locator at once (locator-batch.ts).
 * Where a member is there already, or a leaf lies elsewhere, each of its members is sought, and gets its score.
 */
import type { Region } from '../../base/region.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { ElementView } from './element.js';
import { leafCount } from './leaf.js';
import { checkOf } from './locator.js';
import { LocatorBatch } from './locator-batch.js';
import { aimElement, compareElement } from './order.js';
import { ORDER_SCORE } from './root.js';
import { ScoredSet } from './scored-set.js';

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
    if (count <= LEAVES_MAX && this.takeBehind(source, offset, count)) return true;
    for (let i = 0; i < count; i++) {
      const leaf = offset + i * PAGE_BYTES;
      const isTaken = count > 1 && this.takeBehind(source, leaf, 1);
      if (!isTaken && !this.takeMembers(source, leaf)) return false;
    }
    return true;
  }

  /** Takes leaves that lie behind all that is there. @returns as takeTogether */
  private takeBehind(source: Region, offset: number, count: number): boolean {
    return this.areBehind(source, offset, count) && this.takeTogether(source, offset, count);
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
    this.dropLocator();
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

  /** Whether the first element of a leaf comes behind the last one that is there. */
  private isBehind(source: Region, offset: number): boolean {
    const { region, root, key, words } = this;
    aimElement(source, offset, 0, ORDER_SCORE, key);
    const last = leafCount(words, root.last) - 1;
    return compareElement(region, root.last, last, ORDER_SCORE, key) < 0;
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
