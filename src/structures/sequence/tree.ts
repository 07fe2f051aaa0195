/**
 * The tree of a sequence: a counted B+-tree of pages. Here is what changes its shape: room for an
 * element, splits, merges, new and dropped levels. What is done with elements is in sequence.ts.
 *
 *   root ──▶ inner node: children, counts below (and separators)
 *              │    │    │
 *              ▼    ▼    ▼
 *            leaf ⇄ leaf ⇄ leaf          all leaves at one depth, linked both ways
 *
 * A full leaf is cut in half, but at the two ends of the sequence a new leaf takes the element alone:
 * what is appended fills its leaves. A leaf below half is merged with a neighbour of the same parent
 * when both fit three quarters of a page; so two neighbours always hold more than that, and an
 * element that comes and goes does not split and merge each time. There is no borrowing: where a
 * merge is not possible the neighbour is full enough for both. An empty leaf goes at once.
 *
 * Every page that an insertion can need is taken before anything is changed.
 */
import { copyBytes, type Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import type { NewElement } from './element.js';
import {
  addToCount,
  childAt,
  childCount,
  countAt,
  formatInner,
  insertChild,
  moveChildren,
  removeChild,
  SEPARATOR_WORDS,
  separatorWord,
  totalCount,
} from './inner.js';
import {
  appendElements,
  closeElements,
  formatLeaf,
  LEAF_ROOM_BYTES,
  leafCount,
  leafFree,
  leafUsed,
  nextLeaf,
  openElement,
  previousLeaf,
  SLOT_BYTES,
  setNextLeaf,
  setPreviousLeaf,
  splitPoint,
} from './leaf.js';
import { aimElement, SearchKey } from './order.js';
import { ORDER_NONE } from './root.js';
import { HEIGHT_MAX, TreeSearch } from './tree-search.js';

/** Two neighbours that fit this are merged. */
const LEAF_MERGE_BYTES = (LEAF_ROOM_BYTES * 3) >> 2;

export class SequenceTree extends TreeSearch {
  private readonly reserved = new Int32Array(HEIGHT_MAX + 2);
  private reservedCount = 0;
  /** A node that a split made, on its way into its parent. */
  private right = 0;
  private rightCount = 0;
  private readonly separator = new Int32Array(SEPARATOR_WORDS);
  private readonly elementKey: SearchKey;

  constructor(space: Space) {
    super(space);
    this.elementKey = new SearchKey(space.region);
  }

  /**
   * Called before elements `from` to `to` of `holder` are known to lie in another leaf than before;
   * for structures that keep the places of elements.
   */
  protected relocate(
    _holder: number,
    _from: number,
    _to: number,
    _before: number,
    _after: number,
  ): void {}

  /** Called before elements `from` to `to` of a leaf are removed; for the same structures. */
  protected leaving(_leaf: number, _from: number, _to: number): void {}

  private addToPath(delta: number): void {
    const { words, max, pathNode, pathIndex } = this;
    for (let level = this.root.height; level > 0; level--) {
      addToCount(words, pathNode[level]!, pathIndex[level]!, max, delta);
    }
  }

  /**
   * Inserts an element at the end of the path, before `slot` of `leaf`.
   * @returns false when the space is full; nothing has changed then
   */
  protected insertAtPath(element: NewElement): boolean {
    const { region, root } = this;
    const run = element.pages > 0 ? root.allocateRun(element.pages) : 0;
    if (element.pages > 0 && run === 0) return false;
    const split = root.node !== 0 && leafFree(region, this.leaf) < element.size + SLOT_BYTES;
    if ((root.node === 0 && !this.plant()) || (split && !this.reservePages())) {
      if (run !== 0) root.freeRun(run, element.pages);
      return false;
    }
    if (run === 0) element.keepSource(region);
    else element.writeRun(region, run);
    if (!split) {
      this.insertIntoLeaf(element, run);
      return true;
    }
    this.splitLeaf(element, run);
    root.changed(1);
    this.pathGeneration = root.generation - 1;
    return true;
  }

  /** The same where the leaf has room. @param run where the element's run is, 0 for none */
  protected insertIntoLeaf(element: NewElement, run: number): void {
    const { region, root } = this;
    const at = openElement(region, this.leaf, this.slot, element.form, element.size);
    element.write(region, at, run);
    this.addToPath(1);
    root.changed(1);
    this.pathGeneration = root.generation;
  }

  /** The first leaf. */
  private plant(): boolean {
    const { root } = this;
    const leaf = root.allocateNode();
    if (leaf === 0) return false;
    formatLeaf(this.words, leaf);
    root.node = leaf;
    root.first = leaf;
    root.last = leaf;
    this.leaf = leaf;
    this.slot = 0;
    return true;
  }

  /**
   * Adds a copy of a leaf behind the last one, which the path leads to.
   * @returns false when the space is full; nothing has changed then
   */
  protected addLeaf(source: Region, offset: number): boolean {
    const { region, words, root } = this;
    const isFirst = root.node === 0;
    if (isFirst ? !this.plant() : !this.reservePages()) return false;
    const left = this.leaf;
    const right = isFirst ? left : this.takeReserved();
    copyBytes(region, right, source, offset, PAGE_BYTES);
    setPreviousLeaf(words, right, 0);
    setNextLeaf(words, right, 0);
    const count = leafCount(words, right);
    if (!isFirst) {
      this.linkAfter(left, right);
      this.separateBefore(right);
      this.right = right;
      this.rightCount = count;
      this.raise(leafCount(words, left), count);
    }
    root.changed(count);
    return true;
  }

  /** Pages for a leaf, and for each full node above it. */
  private reservePages(): boolean {
    const { words, root, max, pathNode } = this;
    let needed = 1;
    let level = 1;
    while (level <= root.height && childCount(words, pathNode[level]!) === max) level++;
    needed += level - 1 + (level > root.height ? 1 : 0);
    if (level > HEIGHT_MAX) return false;
    for (this.reservedCount = 0; this.reservedCount < needed; this.reservedCount++) {
      const page = root.allocateNode();
      if (page === 0) {
        while (this.reservedCount > 0) root.freeNode(this.takeReserved());
        return false;
      }
      this.reserved[this.reservedCount] = page;
    }
    return true;
  }

  private takeReserved(): number {
    return this.reserved[--this.reservedCount]!;
  }

  /** Cuts the leaf of the path in two, and puts the element where it belongs. */
  private splitLeaf(element: NewElement, run: number): void {
    const { region, words, root, leaf, slot } = this;
    const count = leafCount(words, leaf);
    const right = this.takeReserved();
    formatLeaf(words, right);
    let cut = splitPoint(region, leaf, slot, element.size);
    if (slot === count && leaf === root.last) cut = count;
    else if (slot === 0 && leaf === root.first) cut = 1;
    const keep = slot < cut ? cut - 1 : cut;
    appendElements(region, leaf, keep, count, right);
    closeElements(region, leaf, keep, count - keep);
    this.relocate(right, 0, count - keep, leaf, right);
    this.linkAfter(leaf, right);
    if (slot >= cut) {
      this.leaf = right;
      this.slot = slot - cut;
    }
    const at = openElement(region, this.leaf, this.slot, element.form, element.size);
    element.write(region, at, run);
    this.right = right;
    this.rightCount = leafCount(words, right);
    this.separateBefore(right);
    this.raise(leafCount(words, leaf), 1);
  }

  /** The separator of a new leaf is the prefix of its first element. */
  private separateBefore(right: number): void {
    const { order } = this.root;
    if (order === ORDER_NONE) return;
    aimElement(this.region, right, 0, order, this.elementKey);
    this.separator.set(this.elementKey.words);
  }

  private linkAfter(leaf: number, right: number): void {
    const { words, root } = this;
    const next = nextLeaf(words, leaf);
    setNextLeaf(words, leaf, right);
    setPreviousLeaf(words, right, leaf);
    setNextLeaf(words, right, next);
    if (next === 0) root.last = right;
    else setPreviousLeaf(words, next, right);
  }

  /**
   * Hands a split up: `right` goes into the parent, which may be split as well, and so on.
   * @param added how many elements more there are
   */
  private raise(leftCount: number, added: number): void {
    const { words, max, pathNode, pathIndex, root } = this;
    let left = leftCount;
    for (let level = 1; level <= root.height; level++) {
      const node = pathNode[level]!;
      const index = pathIndex[level]!;
      if (this.right === 0) {
        addToCount(words, node, index, max, added);
        continue;
      }
      addToCount(words, node, index, max, left - countAt(words, node, index, max));
      left = this.adopt(node, index + 1);
    }
    if (this.right !== 0) this.addLevel(left);
  }

  /**
   * Puts `right` into a node, as child `index`. When the node is full it is split, and `right` is
   * then the new half of it.
   * @returns the elements below the node, when it was split
   */
  private adopt(node: number, index: number): number {
    const { words, max } = this;
    if (childCount(words, node) < max) {
      this.place(node, index);
      this.right = 0;
      return 0;
    }
    const half = this.takeReserved();
    formatInner(words, half);
    // At the right edge the new node begins empty, as leaves do.
    const cut = index === max ? max : max >> 1;
    moveChildren(words, node, cut, max, half);
    if (index < cut || (index === cut && cut < max)) this.place(node, index);
    else this.place(half, index - cut);
    this.right = half;
    this.rightCount = totalCount(words, half, max);
    if (this.root.order !== ORDER_NONE) this.takeSeparator(half, 0);
    return totalCount(words, node, max);
  }

  /** Inserts `right` into a node that has room. */
  private place(node: number, index: number): void {
    const { words, max, separator } = this;
    insertChild(words, node, index, max, this.right, this.rightCount);
    if (this.root.order !== ORDER_NONE) words.set(separator, separatorWord(node, index));
  }

  private takeSeparator(node: number, index: number): void {
    const at = separatorWord(node, index);
    for (let i = 0; i < SEPARATOR_WORDS; i++) this.separator[i] = this.words[at + i]!;
  }

  /** A new root node above the old one and `right`. */
  private addLevel(leftCount: number): void {
    const { words, root, max } = this;
    const top = this.takeReserved();
    formatInner(words, top);
    insertChild(words, top, 0, max, root.node, leftCount);
    this.place(top, 1);
    if (root.order !== ORDER_NONE) words.fill(0, separatorWord(top, 0), separatorWord(top, 1));
    this.right = 0;
    root.node = top;
    root.height++;
  }

  /**
   * Removes elements from `slot` of the path's leaf on; their runs are freed already.
   * @returns whether the leaf is the same as before, and the path right
   */
  protected closeAtPath(removed: number): boolean {
    const { region, words, root, leaf } = this;
    closeElements(region, leaf, this.slot, removed);
    this.addToPath(-removed);
    root.changed(-removed);
    this.pathGeneration = root.generation;
    if (leafCount(words, leaf) === 0) {
      this.dropLeaf();
      this.leaf = 0;
      return false;
    }
    const used = leafUsed(region, leaf);
    if (used * 2 > LEAF_ROOM_BYTES || root.height === 0 || !this.mergeLeaf(used)) return true;
    this.leaf = 0;
    return false;
  }

  /** Takes the empty leaf of the path out of the tree. */
  private dropLeaf(): void {
    const { root, leaf } = this;
    this.unlink(leaf);
    root.freeNode(leaf);
    if (root.height === 0) root.empty();
    else this.dropChild(1);
  }

  private unlink(leaf: number): void {
    const { words, root } = this;
    const previous = previousLeaf(words, leaf);
    const next = nextLeaf(words, leaf);
    if (previous === 0) root.first = next;
    else setNextLeaf(words, previous, next);
    if (next === 0) root.last = previous;
    else setPreviousLeaf(words, next, previous);
  }

  /** Removes the path's child from the node at this level; a node without children goes too. */
  private dropChild(level: number): void {
    const { words, root, max } = this;
    const node = this.pathNode[level]!;
    removeChild(words, node, this.pathIndex[level]!, max);
    if (childCount(words, node) > 0) {
      this.mergeInner(level);
      return;
    }
    root.freeNode(node);
    if (level === root.height) root.empty();
    else this.dropChild(level + 1);
  }

  /** Merges the leaf of the path with its right or left sibling, when both fit. */
  private mergeLeaf(used: number): boolean {
    const { region, words } = this;
    const parent = this.pathNode[1]!;
    const index = this.pathIndex[1]!;
    const room = LEAF_MERGE_BYTES - used;
    if (index + 1 < childCount(words, parent)) {
      if (leafUsed(region, childAt(words, parent, index + 1)) <= room) {
        return this.mergeLeaves(parent, index);
      }
    }
    if (index > 0 && leafUsed(region, childAt(words, parent, index - 1)) <= room) {
      return this.mergeLeaves(parent, index - 1);
    }
    return false;
  }

  private mergeLeaves(parent: number, index: number): true {
    const { region, words, max, root } = this;
    const left = childAt(words, parent, index);
    const right = childAt(words, parent, index + 1);
    const count = leafCount(words, right);
    this.relocate(right, 0, count, right, left);
    appendElements(region, right, 0, count, left);
    this.unlink(right);
    root.freeNode(right);
    addToCount(words, parent, index, max, countAt(words, parent, index + 1, max));
    removeChild(words, parent, index + 1, max);
    this.mergeInner(1);
    return true;
  }

  /** Merges the node of the path at this level with a sibling, when both fit; upwards. */
  private mergeInner(level: number): void {
    const { words, root, max } = this;
    if (level === root.height) {
      this.dropLevels();
      return;
    }
    const count = childCount(words, this.pathNode[level]!);
    if (count * 4 > max) return;
    const parent = this.pathNode[level + 1]!;
    const index = this.pathIndex[level + 1]!;
    const room = ((max * 3) >> 2) - count;
    const siblings = childCount(words, parent);
    if (index + 1 < siblings && childCount(words, childAt(words, parent, index + 1)) <= room) {
      this.mergeNodes(parent, index);
    } else if (index > 0 && childCount(words, childAt(words, parent, index - 1)) <= room) {
      this.mergeNodes(parent, index - 1);
    } else return;
    this.mergeInner(level + 1);
  }

  private mergeNodes(parent: number, index: number): void {
    const { words, root, max } = this;
    const left = childAt(words, parent, index);
    const right = childAt(words, parent, index + 1);
    moveChildren(words, right, 0, max, left);
    addToCount(words, parent, index, max, countAt(words, parent, index + 1, max));
    removeChild(words, parent, index + 1, max);
    root.freeNode(right);
  }

  /** A root node with one child is not needed. */
  private dropLevels(): void {
    const { words, root } = this;
    while (root.height > 0 && childCount(words, root.node) === 1) {
      const node = root.node;
      root.node = childAt(words, node, 0);
      root.height--;
      root.freeNode(node);
    }
  }
}
