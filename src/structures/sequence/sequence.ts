/**
 * A sequence: elements in an order, in a counted B+-tree of pages (tree.ts, leaf.ts, inner.ts).
 * Without order it is a list; ordered by score it ranks members (scored-set.ts); ordered by id it
 * is a log. Rank, index and range cost O(log n), both ends one leaf.
 *
 * Bytes per element of 16 bytes: 18.08 when it was appended (2 bytes of slot, 8 of 4096 of header,
 * 8 per leaf in its parent); 26 when leaves split in the middle, which leaves them 69 % full.
 *
 * All of it lies in the space: a Sequence is one thread's view, attached to one root after the other.
 * All methods run under the shard's lock. The root may move between two attachments. What an
 * ElementView refers to stays until the next change.
 */
import { copyBytes, moveBytes, type Region } from '../../base/region.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { pagesFor } from '../entry.js';
import type { Cursor } from './cursor.js';
import { ElementView, FORM_LARGE, type NewElement, runReference } from './element.js';
import {
  elementEnd,
  elementStart,
  formOf,
  leafCount,
  leafFree,
  nextLeaf,
  previousLeaf,
  resizeElement,
} from './leaf.js';
import { compareElement, type SearchKey, searchScored } from './order.js';
import { ORDER_SCORE } from './root.js';
import { SequenceTree } from './tree.js';
import { verifySequence } from './verify.js';

/** The rank of a cursor whose rank was not counted. */
const UNRANKED = -1;
/** `findKeyNearStart` looks at so many elements before it takes the whole leaf. */
const NEAR_START_ELEMENTS = 16;

export class Sequence extends SequenceTree {
  private readonly gone = new ElementView();

  get count(): number {
    return this.root.elements;
  }

  /** Pages in use by nodes and large elements. */
  get allocatedPages(): number {
    return this.root.pages;
  }

  isCurrent(cursor: Cursor): boolean {
    return cursor.generation === this.root.generation;
  }

  private assertCurrent(cursor: Cursor): void {
    if (!this.isCurrent(cursor)) throw new Error('sequence: the cursor is stale');
  }

  private assertAtElement(cursor: Cursor): void {
    this.assertCurrent(cursor);
    if (cursor.leaf === 0) throw new Error('sequence: the cursor is at no element');
  }

  private assertRanked(cursor: Cursor): void {
    if (cursor.rank === UNRANKED) throw new Error('sequence: the cursor has no rank');
  }

  private setCursor(cursor: Cursor, leaf: number, slot: number, rank: number): void {
    cursor.leaf = leaf;
    cursor.slot = slot;
    cursor.rank = rank;
    cursor.generation = this.root.generation;
  }

  /** @returns false when the sequence has no element of that index; the cursor is at the end then */
  seekIndex(cursor: Cursor, index: number): boolean {
    const { root } = this;
    const count = root.elements;
    if (index < 0 || index >= count) {
      this.setCursor(cursor, 0, 0, count);
      return false;
    }
    if (index === 0) {
      this.setCursor(cursor, root.first, 0, 0);
    } else if (index === count - 1) {
      this.setCursor(cursor, root.last, leafCount(this.words, root.last) - 1, index);
    } else {
      this.descendToRank(index);
      this.setCursor(cursor, this.leaf, this.slot, index);
    }
    return true;
  }

  /**
   * Goes to the first element that is not before the key; with `after`, to the first behind it.
   * @returns false when there is none; the cursor is at the end then
   */
  seekKey(cursor: Cursor, key: SearchKey, after: boolean): boolean {
    if (this.root.node === 0) return this.seekIndex(cursor, 0);
    const rank = this.descendToKey(key, after);
    this.setCursor(cursor, this.leaf, this.slot, rank);
    return this.settle(cursor);
  }

  /**
   * As `seekKey` without `after`, but the cursor may have no rank, which costs as much as the search: it
   * is good for `read`, for `insertAfterSeek`, and for removing its element as the next change.
   */
  findKey(cursor: Cursor, key: SearchKey): boolean {
    if (this.root.node === 0) return this.seekIndex(cursor, 0);
    this.descend(key, false);
    const isBehind = this.slot === leafCount(this.words, this.leaf);
    this.setCursor(cursor, this.leaf, this.slot, isBehind ? this.rankOfPath() : UNRANKED);
    return this.settle(cursor);
  }

  /**
   * As `findKey`, for a key that probably lies among the first elements of a sequence by score: then
   * there is no way down to search. Not before `insertAfterSeek`.
   */
  findKeyNearStart(cursor: Cursor, key: SearchKey): boolean {
    const { region, words, root } = this;
    const leaf = root.first;
    if (leaf === 0) return this.seekIndex(cursor, 0);
    const count = leafCount(words, leaf);
    let end = 1;
    while (compareElement(region, leaf, end - 1, ORDER_SCORE, key) < 0) {
      if (end === count) return this.findKey(cursor, key);
      end = end < NEAR_START_ELEMENTS ? Math.min(end * 4, count) : count;
    }
    // No path leads to it.
    this.leaf = 0;
    const slot = searchScored(region, leaf, end, key, false);
    this.setCursor(cursor, leaf, slot, slot);
    return true;
  }

  /** A cursor behind the last element of a leaf goes to the next one. */
  private settle(cursor: Cursor): boolean {
    const words = this.words;
    if (cursor.slot < leafCount(words, cursor.leaf)) return true;
    cursor.leaf = nextLeaf(words, cursor.leaf);
    cursor.slot = 0;
    return cursor.leaf !== 0;
  }

  /** @returns false at the end */
  next(cursor: Cursor): boolean {
    this.assertAtElement(cursor);
    this.assertRanked(cursor);
    cursor.slot++;
    cursor.rank++;
    return this.settle(cursor);
  }

  /** From the end it goes to the last element. @returns false at the first one; it stays there */
  previous(cursor: Cursor): boolean {
    this.assertCurrent(cursor);
    this.assertRanked(cursor);
    if (cursor.rank === 0) return false;
    if (cursor.leaf === 0) cursor.leaf = this.root.last;
    else if (cursor.slot > 0) {
      cursor.slot--;
      cursor.rank--;
      return true;
    } else cursor.leaf = previousLeaf(this.words, cursor.leaf);
    cursor.slot = leafCount(this.words, cursor.leaf) - 1;
    cursor.rank--;
    return true;
  }

  read(cursor: Cursor, view: ElementView): void {
    this.assertAtElement(cursor);
    view.read(this.region, cursor.leaf, cursor.slot, this.root.order);
  }

  /** How many elements there are from the cursor to the end of its leaf. */
  leftInLeaf(cursor: Cursor): number {
    this.assertAtElement(cursor);
    return leafCount(this.words, cursor.leaf) - cursor.slot;
  }

  /**
   * Copies the leaf that the cursor is at the beginning of.
   * @returns false when it is not, or when an element of the leaf has a run
   */
  copyLeaf(cursor: Cursor, target: Region, offset: number): boolean {
    this.assertAtElement(cursor);
    const { leaf, slot } = cursor;
    const { region, view, words, root } = this;
    if (slot !== 0) return false;
    if (root.runs > 0) {
      for (let i = leafCount(words, leaf) - 1; i >= 0; i--) {
        if (formOf(view, leaf, i) === FORM_LARGE) return false;
      }
    }
    copyBytes(target, offset, region, leaf, PAGE_BYTES);
    return true;
  }

  /** Goes to the first element of the next leaf. @returns false at the end */
  nextLeaf(cursor: Cursor): boolean {
    cursor.rank += this.leftInLeaf(cursor);
    cursor.slot = 0;
    cursor.leaf = nextLeaf(this.words, cursor.leaf);
    return cursor.leaf !== 0;
  }

  /**
   * Appends a leaf from elsewhere, which was verified (verify.ts). The caller knows that the order holds.
   * @returns false when the space is full; nothing has changed then
   */
  appendLeaf(source: Region, offset: number): boolean {
    if (this.root.node !== 0) this.descendToRank(this.root.elements - 1);
    return this.addLeaf(source, offset);
  }

  /** Whether the element, of a sequence without order, is the same as this one. */
  matches(cursor: Cursor, element: NewElement): boolean {
    this.assertAtElement(cursor);
    return element.equals(this.region, cursor.leaf, cursor.slot);
  }

  /** Makes the path lead to where the cursor is. */
  private follow(cursor: Cursor): void {
    const { root } = this;
    if (root.node === 0) return;
    // What is appended element by element does not go down the tree for each.
    const isAtEnd = cursor.leaf === 0;
    const leaf = isAtEnd ? root.last : cursor.leaf;
    if (!this.onPath(leaf)) {
      this.assertRanked(cursor);
      this.descendToRank(cursor.rank);
    } else if (isAtEnd) this.slot = leafCount(this.words, leaf);
    if (!isAtEnd) this.slot = cursor.slot;
  }

  /**
   * Inserts an element before the cursor, at the end when it is there. For sequences without order.
   * @returns false when the space is full and nothing has changed; else the cursor is at the element
   */
  insert(cursor: Cursor, element: NewElement): boolean {
    this.assertCurrent(cursor);
    this.follow(cursor);
    if (!this.insertAtPath(element)) return false;
    this.setCursor(cursor, this.leaf, this.slot, cursor.rank);
    return true;
  }

  /**
   * Inserts an element before the one that `findKey` or `seekKey` has just found for its key, with this
   * cursor: the tree is not searched again.
   * @returns false when the space is full and nothing has changed; else the cursor is at the element
   */
  insertAfterSeek(cursor: Cursor, element: NewElement): boolean {
    this.assertCurrent(cursor);
    if (this.root.node !== 0 && !this.onPath(this.leaf)) throw new Error('sequence: no path');
    if (!this.insertAtPath(element)) return false;
    this.setCursor(cursor, this.leaf, this.slot, cursor.rank);
    return true;
  }

  /** @returns false when the space is full; nothing has changed then */
  pushFirst(cursor: Cursor, element: NewElement): boolean {
    this.seekIndex(cursor, 0);
    return this.insert(cursor, element);
  }

  /** @returns false when the space is full; nothing has changed then */
  pushLast(cursor: Cursor, element: NewElement): boolean {
    this.setCursor(cursor, 0, 0, this.root.elements);
    return this.insert(cursor, element);
  }

  /**
   * Puts an element in the place of the cursor's one, which keeps its rank: the caller knows that
   * the order holds.
   * @returns false when the space is full; nothing has changed then
   */
  replace(cursor: Cursor, element: NewElement): boolean {
    this.assertAtElement(cursor);
    const { leaf, slot, rank } = cursor;
    if (!this.hasRoom(leaf, slot, element)) return this.replaceElsewhere(cursor, element);
    if (!this.replaceInLeaf(leaf, slot, element)) return false;
    this.setCursor(cursor, leaf, slot, rank);
    return true;
  }

  /**
   * Makes the cursor's element, which no run keeps, so many bytes longer at its end; shorter when it is
   * negative. What is new is undefined.
   * @returns false when the leaf has no room; nothing has changed then
   */
  stretch(cursor: Cursor, growth: number): boolean {
    this.assertAtElement(cursor);
    const { leaf, slot, rank } = cursor;
    const { region, view } = this;
    if (growth > leafFree(region, leaf)) return false;
    const form = formOf(view, leaf, slot);
    const start = elementStart(view, leaf, slot);
    const before = elementEnd(view, leaf, slot) - start;
    const size = before + growth;
    // The leaf keeps the last bytes of an element whose size changes.
    if (growth < 0) moveBytes(region, start - growth, start, size);
    const at = resizeElement(region, leaf, slot, form, size);
    if (growth > 0) moveBytes(region, at, at + growth, before);
    this.root.changed(0);
    this.setCursor(cursor, leaf, slot, rank);
    return true;
  }

  /** Whether a leaf has room for an element in the place of the one in this slot. */
  protected hasRoom(leaf: number, slot: number, element: NewElement): boolean {
    const { region, view } = this;
    const before = elementEnd(view, leaf, slot) - elementStart(view, leaf, slot);
    return element.size - before <= leafFree(region, leaf);
  }

  /** Writes an element in the place of another, where `hasRoom`. @returns false: no room for a run */
  protected replaceInLeaf(leaf: number, slot: number, element: NewElement): boolean {
    const { region, root } = this;
    const run = element.pages > 0 ? root.allocateRun(element.pages) : 0;
    if (element.pages > 0 && run === 0) return false;
    if (run === 0) element.keepSource(region);
    else element.writeRun(region, run);
    this.freeRunOf(leaf, slot);
    const at = resizeElement(region, leaf, slot, element.form, element.size);
    element.write(region, at, run);
    root.changed(0);
    return true;
  }

  /**
   * Where the leaf has no room for the difference: a second element beside the old one, which is
   * then removed. The last element gets its successor behind it, so that it begins a new leaf: an
   * element that grows at the end does not cut leaves in half.
   */
  private replaceElsewhere(cursor: Cursor, element: NewElement): boolean {
    const { rank } = cursor;
    const last = rank + 1 === this.root.elements;
    if (last) this.setCursor(cursor, 0, 0, rank + 1);
    if (!this.insert(cursor, element)) {
      this.seekIndex(cursor, rank);
      return false;
    }
    this.seekIndex(cursor, last ? rank : rank + 1);
    this.remove(cursor, 1);
    return this.seekIndex(cursor, rank);
  }

  private freeRunOf(leaf: number, slot: number): void {
    if (formOf(this.view, leaf, slot) !== FORM_LARGE) return;
    const { gone, root } = this;
    gone.read(this.region, leaf, slot, root.order);
    root.freeRun(gone.run, pagesFor(gone.length));
  }

  /**
   * Removes up to `count` elements from the cursor on; it is at the element behind them then.
   * @returns how many were removed: fewer at the end
   */
  remove(cursor: Cursor, count: number): number {
    this.assertCurrent(cursor);
    const { words, root } = this;
    let left = Math.min(count, root.elements - cursor.rank);
    const removed = left;
    while (left > 0) {
      this.follow(cursor);
      const { leaf, slot } = this;
      const here = Math.min(left, leafCount(words, leaf) - slot);
      this.leaving(leaf, slot, slot + here);
      if (root.runs > 0) for (let i = 0; i < here; i++) this.freeRunOf(leaf, slot + i);
      left -= here;
      if (this.closeAtPath(here)) {
        this.setCursor(cursor, leaf, slot, cursor.rank);
        this.settle(cursor);
      } else this.seekIndex(cursor, cursor.rank);
    }
    return removed;
  }

  /** Frees everything at once. The root is that of an empty sequence of the same order then. */
  clear(): void {
    while (!this.reclaimStep(4096));
    this.space.trim();
  }

  /**
   * Frees a part of the sequence, from its end: about `budgetPages` pages, one at least. What is
   * left is a sequence, and its pages are counted as used.
   * @returns true when nothing is left
   */
  reclaimStep(budgetPages: number): boolean {
    const { words, root } = this;
    const until = root.pages - Math.max(1, budgetPages);
    while (root.node !== 0 && root.pages > until) {
      const leaf = root.last;
      let last = leafCount(words, leaf);
      // Elements without runs go with their leaf.
      while (
        root.runs > 0 &&
        last > 0 &&
        root.pages > until &&
        this.cutRun(leaf, last - 1, until)
      ) {
        last--;
      }
      const whole = last === 0 || root.runs === 0;
      const removed = leafCount(words, leaf) - (whole ? 0 : last);
      if (removed === 0) break;
      this.descendToRank(root.elements - removed);
      this.closeAtPath(removed);
    }
    return root.node === 0;
  }

  /**
   * Frees the run of an element that is about to go, or as much of it as the budget allows: the
   * element is shorter then.
   * @returns whether nothing is left of the run
   */
  private cutRun(leaf: number, slot: number, until: number): boolean {
    if (formOf(this.view, leaf, slot) !== FORM_LARGE) return true;
    const { gone, root, view } = this;
    gone.read(this.region, leaf, slot, root.order);
    const pages = pagesFor(gone.length);
    const keep = pages - (root.pages - until);
    if (keep <= 0) {
      root.freeRun(gone.run, pages);
      return true;
    }
    root.trimRun(gone.run, pages, keep);
    view.setInt32(runReference(view, leaf, slot, root.order) + 4, keep * PAGE_BYTES, true);
    return false;
  }

  /** Verifies every invariant and the accounting; throws where one is broken. */
  check(): void {
    const fault = verifySequence(this.space, this.root.offset);
    if (fault !== '') throw new Error(`sequence: ${fault}`);
  }
}
