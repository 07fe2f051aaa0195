/**
 * Verification of a sequence that cannot be trusted: one whose pages a peer sent, or one that a test
 * wants to be sure of. It reads nothing outside the region, enters no page twice, and so ends.
 */
import { compareBytes, type Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { DATA_PAGE_WORD, END_PAGE_WORD, PAGE_BYTES } from '../../memory/space-layout.js';
import { pagesFor } from '../entry.js';
import { Int64 } from '../packed/integer.js';
import {
  BEFORE_MEMBER,
  ElementView,
  FORM_BYTES,
  FORM_INTEGER,
  FORM_LARGE,
  FORM_SCORE_32,
  RUN_REFERENCE_BYTES,
  readScore,
  scoreForm,
} from './element.js';
import {
  childAt,
  childCount,
  childrenMax,
  countAt,
  SEPARATOR_WORDS,
  separatorWord,
} from './inner.js';
import {
  elementEnd,
  elementStart,
  FORM_SHIFT,
  formOf,
  LEAF_ELEMENT_MAX,
  LEAF_HEADER_BYTES,
  leafCount,
  leafFront,
  nextLeaf,
  previousLeaf,
  SLOT_BYTES,
  START_MASK,
} from './leaf.js';
import { aimElement, compareElement, compareSeparator, SearchKey } from './order.js';
import { ID_BYTES, ORDER_ID, ORDER_NONE, ORDER_SCORE, SequenceRoot } from './root.js';
import { HEIGHT_MAX } from './tree-search.js';

/** No element is longer. */
const LENGTH_MAX = 2 ** 29;

/** What a walk over a sequence has seen so far. */
class Walk {
  readonly root: SequenceRoot;
  readonly region: Region;
  readonly pages = new Set<number>();
  readonly view = new ElementView();
  readonly integer = new Int64();
  readonly key: SearchKey;
  readonly max: number;
  leaf = 0;
  runs = 0;

  constructor(
    readonly space: Space,
    offset: number,
  ) {
    this.root = new SequenceRoot(space);
    this.root.offset = offset;
    this.region = space.region;
    this.key = new SearchKey(space.region);
    this.max = childrenMax(this.root.order !== ORDER_NONE);
  }

  /** Takes pages into the walk. @returns false when they are not data pages, or were seen before */
  enter(offset: number, pages: number): boolean {
    const { words } = this.region;
    const first = offset / PAGE_BYTES;
    const inside = first >= words[DATA_PAGE_WORD]! && first + pages <= words[END_PAGE_WORD]!;
    if (!inside || this.pages.size + pages > this.root.pages) return false;
    for (let page = first; page < first + pages; page++) {
      if (this.pages.has(page)) return false;
      this.pages.add(page);
    }
    return true;
  }
}

/** @returns what is wrong with the sequence whose root lies at this offset; '' when nothing is */
export function verifySequence(space: Space, offset: number): string {
  const walk = new Walk(space, offset);
  const { root } = walk;
  if (root.order > ORDER_ID) return `order ${root.order}`;
  if (root.elements < 0 || root.pages < 0 || root.runs < 0) return 'negative counts';
  if (root.node === 0) {
    const rest = root.elements + root.pages + root.runs + root.height + root.first + root.last;
    return rest === 0 ? '' : 'empty, but not all zero';
  }
  if (root.height > HEIGHT_MAX) return `${root.height} levels`;
  const fault = verifyNode(walk, root.node, root.height, root.elements);
  if (fault !== '') return fault;
  if (walk.leaf !== root.last || nextLeaf(walk.region.words, walk.leaf) !== 0) return 'wrong last';
  if (walk.pages.size !== root.pages) return `${walk.pages.size} pages, not ${root.pages}`;
  return walk.runs === root.runs ? '' : `${walk.runs} runs, not ${root.runs}`;
}

function verifyNode(walk: Walk, node: number, level: number, count: number): string {
  if (!walk.enter(node, 1)) return `page ${node / PAGE_BYTES} is not its own`;
  if (level === 0) return verifyLeaf(walk, node, count);
  const { region, max } = walk;
  const words = region.words;
  const children = childCount(words, node);
  if (children < 1 || children > max) return `${children} children`;
  if (level === walk.root.height && children === 1) return 'a level that is not needed';
  let sum = 0;
  for (let i = 0; i < children; i++) {
    const below = countAt(words, node, i, max);
    if (below <= 0) return `${below} elements below a child`;
    sum += below;
    const previous = walk.leaf;
    const fault = verifyNode(walk, childAt(words, node, i), level - 1, below);
    if (fault !== '') return fault;
    if (i > 0 && !separates(walk, node, i, level, previous)) return 'wrong separator';
  }
  return sum === count ? '' : `${sum} elements below, not ${count}`;
}

/** Whether a separator lies between the last element before its child and the first one in it. */
function separates(
  walk: Walk,
  node: number,
  index: number,
  level: number,
  previous: number,
): boolean {
  const { region, key, root } = walk;
  const { words } = region;
  if (root.order === ORDER_NONE) return true;
  const separator = separatorWord(node, index);
  aimElement(region, previous, leafCount(words, previous) - 1, root.order, key);
  if (compareSeparator(words, separator, key) < 0) return false;
  let first = childAt(words, node, index);
  for (let below = level - 1; below > 0; below--) first = childAt(words, first, 0);
  aimElement(region, first, 0, root.order, key);
  return compareSeparator(words, separator, key) <= 0 && SEPARATOR_WORDS === key.words.length;
}

function verifyLeaf(walk: Walk, leaf: number, expected: number): string {
  const { region, root } = walk;
  const { words, view } = region;
  const count = leafCount(words, leaf);
  if (count === 0 || count !== expected) return `leaf of ${count} elements, not ${expected}`;
  if (previousLeaf(words, leaf) !== walk.leaf) return 'wrong link back';
  if (walk.leaf === 0 ? root.first !== leaf : nextLeaf(words, walk.leaf) !== leaf) {
    return 'wrong link';
  }
  const low = leaf + LEAF_HEADER_BYTES + (leafFront(words, leaf) + count) * SLOT_BYTES;
  if (low > leaf + PAGE_BYTES) return 'slots beyond the page';
  if (elementEnd(view, leaf, 0) > leaf + PAGE_BYTES) return 'front beyond the page';
  for (let i = 0; i < count; i++) {
    const start = elementStart(view, leaf, i);
    if (start < low || start > elementEnd(view, leaf, i)) return 'element out of bounds';
    if (!verifyElement(walk, leaf, i)) return `element of a wrong form in ${leaf}`;
    if (!inOrder(walk, leaf, i)) return 'elements out of order';
  }
  walk.leaf = leaf;
  return '';
}

function inOrder(walk: Walk, leaf: number, index: number): boolean {
  const { region, root, key } = walk;
  if (root.order === ORDER_NONE || (index === 0 && walk.leaf === 0)) return true;
  const before = index > 0 ? leaf : walk.leaf;
  const last = index > 0 ? index - 1 : leafCount(region.words, before) - 1;
  aimElement(region, before, last, root.order, key);
  return compareElement(region, leaf, index, root.order, key) > 0;
}

/** Whether an element is what a NewElement writes: one form for each value. */
function verifyElement(walk: Walk, leaf: number, index: number): boolean {
  const { region, root } = walk;
  const form = formOf(region.view, leaf, index);
  const size = elementEnd(region.view, leaf, index) - elementStart(region.view, leaf, index);
  const order = root.order;
  if (size > LEAF_ELEMENT_MAX) return false;
  if (form === FORM_LARGE) return verifyLarge(walk, leaf, index, size);
  if (order === ORDER_SCORE) {
    if (form === FORM_INTEGER || form > FORM_SCORE_32) return false;
    if (size < [8, 0, 0, 2, 4][form]!) return false;
    walk.view.read(region, leaf, index, order);
    return !Number.isNaN(walk.view.score);
  }
  if (order === ORDER_ID) return form === FORM_BYTES && size >= ID_BYTES;
  if (form === FORM_INTEGER) {
    if (size < 1 || size > 8) return false;
    walk.view.read(region, leaf, index, order);
    return walk.view.integer.width === size;
  }
  if (form !== FORM_BYTES) return false;
  return !walk.integer.parse(region, elementStart(region.view, leaf, index), size);
}

const loneInteger = new Int64();

/**
 * Whether a page is a leaf of a sequence without order, and none of its elements has a run. Its links
 * say nothing.
 * @param offset of the page: a multiple of its length
 */
export function isLeafAlone(region: Region, offset: number): boolean {
  const { words, view } = region;
  const count = leafCount(words, offset);
  const low = offset + LEAF_HEADER_BYTES + (leafFront(words, offset) + count) * SLOT_BYTES;
  const end = offset + PAGE_BYTES;
  if (count === 0 || low > end || elementEnd(view, offset, 0) > end) return false;
  for (let i = 0; i < count; i++) {
    const start = elementStart(view, offset, i);
    const size = elementEnd(view, offset, i) - start;
    if (start < low || size < 0 || size > LEAF_ELEMENT_MAX) return false;
    const form = formOf(view, offset, i);
    if (form === FORM_INTEGER) {
      if (size < 1 || size > 8) return false;
      loneInteger.read(region, start, size);
      if (loneInteger.width !== size) return false;
    } else if (form !== FORM_BYTES || loneInteger.parse(region, start, size)) return false;
  }
  return true;
}

/**
 * The same for a leaf of a sequence by score: its elements are in their order too. A member may be there
 * twice, with two scores.
 */
export function isScoredLeafAlone(region: Region, offset: number): boolean {
  const { words, view } = region;
  const count = leafCount(words, offset);
  const first = LEAF_HEADER_BYTES + leafFront(words, offset) * SLOT_BYTES;
  const low = first + count * SLOT_BYTES;
  if (count === 0 || low > PAGE_BYTES) return false;
  let end = elementEnd(view, offset, 0) - offset;
  let before = Number.NEGATIVE_INFINITY;
  let memberBefore = 0;
  let lengthBefore = -1;
  if (end > PAGE_BYTES) return false;
  for (let at = first; at < low; at += SLOT_BYTES) {
    const slot = view.getUint16(offset + at, true);
    const start = slot & START_MASK;
    const form = slot >>> FORM_SHIFT;
    const prefix = BEFORE_MEMBER[form]!;
    if (start < low || end - start < prefix || end - start > LEAF_ELEMENT_MAX) return false;
    const score = readScore(view, offset + start, form);
    // Also false of NaN.
    if (!(score >= before) || scoreForm(score) !== form) return false;
    const member = offset + start + prefix;
    const length = end - start - prefix;
    if (score === before && lengthBefore >= 0) {
      if (compareBytes(region, memberBefore, lengthBefore, region, member, length) >= 0)
        return false;
    }
    before = score;
    memberBefore = member;
    lengthBefore = length;
    end = start;
  }
  return true;
}

function verifyLarge(walk: Walk, leaf: number, index: number, size: number): boolean {
  const { region, root, view } = walk;
  const prefix = [0, 8, ID_BYTES][root.order]!;
  if (size !== prefix + RUN_REFERENCE_BYTES) return false;
  view.read(region, leaf, index, root.order);
  walk.runs++;
  const scoreOk = root.order !== ORDER_SCORE || !Number.isNaN(view.score);
  if (!scoreOk || view.length > LENGTH_MAX) return false;
  if (prefix + view.length <= LEAF_ELEMENT_MAX) return false;
  return walk.enter(view.run, pagesFor(view.length));
}
