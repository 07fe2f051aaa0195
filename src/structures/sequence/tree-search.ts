/**
 * The ways down a sequence's tree, by rank and by key. What is found is the path to a leaf, which the
 * changes in tree.ts go back up along: no node points to its parent.
 */
import type { Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { childAt, childCount, childrenMax, countAt, countBefore, separatorWord } from './inner.js';
import { leafCount } from './leaf.js';
import { compareElement, compareSeparator, type SearchKey, searchScored } from './order.js';
import { ORDER_NONE, ORDER_SCORE, SequenceRoot } from './root.js';

/** More levels of inner nodes than 2 GiB can hold. */
export const HEIGHT_MAX = 8;

export class TreeSearch {
  readonly root: SequenceRoot;
  protected readonly region: Region;
  protected readonly words: Int32Array;
  protected readonly view: DataView;
  /** Children that an inner node can have. */
  protected max = 0;

  /** The way to `leaf`: at each level (1 is above the leaves) a node and the child taken. */
  protected readonly pathNode = new Int32Array(HEIGHT_MAX + 1);
  protected readonly pathIndex = new Int32Array(HEIGHT_MAX + 1);
  protected leaf = 0;
  protected slot = 0;
  /** Generation in which the path is right; only meaningful while `leaf` is not 0. */
  protected pathGeneration = 0;

  constructor(readonly space: Space) {
    this.root = new SequenceRoot(space);
    this.region = space.region;
    this.words = space.region.words;
    this.view = space.region.view;
  }

  /**
   * Makes this object speak of the sequence whose root lies at this offset.
   * @param region the memory that the root lies in, when not the space itself
   */
  attach(offset: number, region: Region = this.region): void {
    this.root.place(region, offset);
    this.leaf = 0;
    this.max = childrenMax(this.root.order !== ORDER_NONE);
  }

  /** Makes the bytes at this offset the root of an empty sequence, and attaches to it. */
  create(offset: number, order: number, region: Region = this.region): void {
    this.root.place(region, offset);
    this.root.format(order);
    this.attach(offset, region);
  }

  /** Whether the path leads to this leaf, so that it need not be sought again. */
  protected onPath(leaf: number): boolean {
    return leaf !== 0 && this.leaf === leaf && this.pathGeneration === this.root.generation;
  }

  /** Goes to element `rank`, or behind the last one. The sequence is not empty. */
  protected descendToRank(rank: number): void {
    const { words, root, max, pathNode, pathIndex } = this;
    let node = root.node;
    let rest = rank;
    let total = root.elements;
    for (let level = root.height; level > 0; level--) {
      const last = childCount(words, node) - 1;
      let index: number;
      if (rest * 2 <= total) {
        index = 0;
        for (let own = countAt(words, node, 0, max); rest >= own && index < last; ) {
          rest -= own;
          own = countAt(words, node, ++index, max);
        }
      } else {
        index = last;
        let before = total - countAt(words, node, last, max);
        while (rest < before) before -= countAt(words, node, --index, max);
        rest -= before;
      }
      total = countAt(words, node, index, max);
      pathNode[level] = node;
      pathIndex[level] = index;
      node = childAt(words, node, index);
    }
    this.leaf = node;
    this.slot = rest;
    this.pathGeneration = root.generation;
  }

  /**
   * Goes to the first element that is not before the key (with `after`: that is behind it), or
   * behind the last element of a leaf. The sequence is not empty.
   * @returns the rank
   */
  protected descendToKey(key: SearchKey, after: boolean): number {
    this.descend(key, after);
    return this.rankOfPath();
  }

  /** Elements before the end of the path. */
  protected rankOfPath(): number {
    const { words, max, pathNode, pathIndex } = this;
    let rank = this.slot;
    for (let level = this.root.height; level > 0; level--) {
      rank += countBefore(words, pathNode[level]!, pathIndex[level]!, max);
    }
    return rank;
  }

  /** The same without the rank, which costs a walk over half of the counts of each node. */
  protected descend(key: SearchKey, after: boolean): void {
    const leaf = this.descendToLeaf(key, after);
    this.slot = this.searchLeaf(leaf, key, after);
  }

  /**
   * The same as far as the leaf: the caller knows the slot. With `after` it is the leaf that holds the
   * element with this key, if there is one.
   */
  protected descendToLeaf(key: SearchKey, after: boolean): number {
    const { words, root, pathNode, pathIndex } = this;
    const wanted = key.words[0]!;
    let node = root.node;
    for (let level = root.height; level > 0; level--) {
      let low = 0;
      let high = childCount(words, node) - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        const first = words[separatorWord(node, middle)]!;
        let order = first < wanted ? -1 : 1;
        if (first === wanted) order = this.compareChild(node, middle, level, key);
        if (order < 0 || (after && order === 0)) low = middle;
        else high = middle - 1;
      }
      pathNode[level] = node;
      pathIndex[level] = low;
      node = childAt(words, node, low);
    }
    this.leaf = node;
    this.pathGeneration = root.generation;
    return node;
  }

  /** Compares the first element below a child with a key; often the separator is enough. */
  private compareChild(node: number, index: number, level: number, key: SearchKey): number {
    const { words, region, root } = this;
    const order = compareSeparator(words, separatorWord(node, index), key);
    if (order !== 0) return order;
    let leaf = childAt(words, node, index);
    for (let below = level - 1; below > 0; below--) leaf = childAt(words, leaf, 0);
    return compareElement(region, leaf, 0, root.order, key);
  }

  protected searchLeaf(leaf: number, key: SearchKey, after: boolean): number {
    const { region, root } = this;
    const order = root.order;
    let low = 0;
    let high = leafCount(this.words, leaf);
    if (order === ORDER_SCORE) return searchScored(region, leaf, high, key, after);
    while (low < high) {
      const middle = (low + high) >> 1;
      const result = compareElement(region, leaf, middle, order, key);
      if (result < 0 || (after && result === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
