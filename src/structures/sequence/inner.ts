/**
 * An inner node of a sequence: one page with its children, how many elements are below each, and,
 * when the sequence is ordered, a separator for each.
 *
 *   plain                                  ordered
 *   0      i32  children                   0      i32  children
 *   8      511 u32  pages of children      8      170 u32  pages of children
 *   2052   511 u32  elements below         688    170 u32  elements below
 *                                          1368   170 separators of 4 words (order.ts)
 *
 * The separator of child i is at most the prefix of its first element, and at least the prefix of
 * the last element of child i - 1. That of child 0 is not used in its node, but kept right: a split
 * hands it up, and after a merge it separates the two halves. Ranks are sums of counts; a node is searched from the end that is nearer.
 */
import { moveWords } from '../../base/region.js';
import { PAGE_SHIFT } from '../../memory/space-layout.js';

export const PLAIN_CHILDREN_MAX = 511;
export const ORDERED_CHILDREN_MAX = 170;
export const SEPARATOR_WORDS = 4;
/** Word of the first child, in the page. */
const CHILDREN_WORD = 2;

export function childrenMax(ordered: boolean): number {
  return ordered ? ORDERED_CHILDREN_MAX : PLAIN_CHILDREN_MAX;
}

export function childCount(words: Int32Array, node: number): number {
  return words[node >> 2]!;
}

export function formatInner(words: Int32Array, node: number): void {
  words[node >> 2] = 0;
  words[(node >> 2) + 1] = 0;
}

function childWord(node: number, index: number): number {
  return (node >> 2) + CHILDREN_WORD + index;
}

function countWord(node: number, index: number, max: number): number {
  return (node >> 2) + CHILDREN_WORD + max + index;
}

/** Word of the first of a child's four words of separator, in the region. */
export function separatorWord(node: number, index: number): number {
  return (node >> 2) + CHILDREN_WORD + 2 * ORDERED_CHILDREN_MAX + index * SEPARATOR_WORDS;
}

/** Byte offset of a child. */
export function childAt(words: Int32Array, node: number, index: number): number {
  return words[childWord(node, index)]! << PAGE_SHIFT;
}

/** Elements below a child. */
export function countAt(words: Int32Array, node: number, index: number, max: number): number {
  return words[countWord(node, index, max)]!;
}

export function addToCount(
  words: Int32Array,
  node: number,
  index: number,
  max: number,
  delta: number,
): void {
  words[countWord(node, index, max)]! += delta;
}

/** Elements below the first `end` children. */
export function countBefore(words: Int32Array, node: number, end: number, max: number): number {
  let sum = 0;
  const first = countWord(node, 0, max);
  for (let at = first; at < first + end; at++) sum += words[at]!;
  return sum;
}

export function totalCount(words: Int32Array, node: number, max: number): number {
  return countBefore(words, node, childCount(words, node), max);
}

/** Inserts a child before child `index`; the node has room. Its separator is not written. */
export function insertChild(
  words: Int32Array,
  node: number,
  index: number,
  max: number,
  child: number,
  count: number,
): void {
  const children = childCount(words, node);
  const at = childWord(node, index);
  moveWords(words, at + 1, at, childWord(node, children));
  words[at] = child >>> PAGE_SHIFT;
  const counts = countWord(node, index, max);
  moveWords(words, counts + 1, counts, countWord(node, children, max));
  words[counts] = count;
  if (max === ORDERED_CHILDREN_MAX) {
    const separator = separatorWord(node, index);
    moveWords(words, separator + SEPARATOR_WORDS, separator, separatorWord(node, children));
  }
  words[node >> 2] = children + 1;
}

export function removeChild(words: Int32Array, node: number, index: number, max: number): void {
  const children = childCount(words, node);
  const at = childWord(node, index);
  moveWords(words, at, at + 1, childWord(node, children));
  const counts = countWord(node, index, max);
  moveWords(words, counts, counts + 1, countWord(node, children, max));
  if (max === ORDERED_CHILDREN_MAX) {
    const separator = separatorWord(node, index);
    moveWords(words, separator, separator + SEPARATOR_WORDS, separatorWord(node, children));
  }
  words[node >> 2] = children - 1;
}

/** Moves the children from `from` on to the end of another node, with counts and separators. */
export function moveChildren(
  words: Int32Array,
  node: number,
  from: number,
  max: number,
  target: number,
): void {
  const children = childCount(words, node);
  const before = childCount(words, target);
  moveWords(words, childWord(target, before), childWord(node, from), childWord(node, children));
  moveWords(
    words,
    countWord(target, before, max),
    countWord(node, from, max),
    countWord(node, children, max),
  );
  if (max === ORDERED_CHILDREN_MAX) {
    moveWords(
      words,
      separatorWord(target, before),
      separatorWord(node, from),
      separatorWord(node, children),
    );
  }
  words[target >> 2] = before + children - from;
  words[node >> 2] = from;
}
