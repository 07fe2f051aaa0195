/**
 * Free runs of pages: segregated lists with boundary tags kept out of band (after TLSF: Masmano,
 * Ripoll, Crespo, Real, 2004), and a wilderness in the middle that nothing was ever taken from.
 *
 * A free run [page, page + n) has its length in the tags of its first and last page, and its list
 * links beside the first. Every other tag is zero: those of runs in use, of the insides of free
 * runs, and of the wilderness (whose two ends are words of the header). So a run that is freed sees
 * by the tags next to it whether it can be joined, and memory never used has untouched tags.
 *
 *   dataPage ── frames, upwards ──▶ low ┄┄ wilderness ┄┄ high ◀── other runs, downwards ── end
 *
 * Lists 0..31 hold runs of exactly 1..32 pages, the others an eighth of a power of two each. Taking
 * from a list above the wanted one always fits, so that a search is a few bit operations.
 *
 * All functions run under the shard's lock. They know nothing of residency: see space.ts.
 */
import {
  DATA_PAGE_WORD,
  END_PAGE_WORD,
  FRAME_PAGES,
  HIGH_WORD,
  LIST_BITS_WORD,
  LIST_COUNT,
  LIST_HEADS_WORD,
  LISTED_WORD,
  LOW_WORD,
  PAGE_BYTES,
  TAG_WORDS,
  TAGS_PAGE,
} from './space-layout.js';

const EXACT_LISTS = 32;
/** How many runs of its own list a request looks at before it takes a longer one. */
const OWN_LIST_LOOKS = 8;
const TAGS_WORD = (TAGS_PAGE * PAGE_BYTES) / 4;

function tagOf(page: number): number {
  return TAGS_WORD + page * TAG_WORDS;
}

/** Length of the free run that begins or ends at this page; 0 for any other page. */
export function freeRunAt(words: Int32Array, page: number): number {
  return words[tagOf(page)]!;
}

export function nextFreeRun(words: Int32Array, page: number): number {
  return words[tagOf(page) + 1]!;
}

/** The list for runs of this length. */
export function listOf(pages: number): number {
  if (pages <= EXACT_LISTS) return pages - 1;
  const log = 31 - Math.clz32(pages);
  return EXACT_LISTS + (log - 5) * 8 + ((pages >>> (log - 3)) & 7);
}

function link(words: Int32Array, page: number, pages: number): void {
  const list = listOf(pages);
  const head = words[LIST_HEADS_WORD + list]!;
  const tag = tagOf(page);
  words[tag] = pages;
  words[tagOf(page + pages - 1)] = pages;
  words[tag + 1] = head;
  words[tag + 2] = 0;
  if (head !== 0) words[tagOf(head) + 2] = page;
  words[LIST_HEADS_WORD + list] = page;
  words[LIST_BITS_WORD + (list >>> 5)]! |= 1 << (list & 31);
  words[LISTED_WORD]! += pages;
}

function unlink(words: Int32Array, page: number, pages: number): void {
  const tag = tagOf(page);
  const next = words[tag + 1]!;
  const previous = words[tag + 2]!;
  words[tag] = 0;
  words[tagOf(page + pages - 1)] = 0;
  if (next !== 0) words[tagOf(next) + 2] = previous;
  if (previous !== 0) {
    words[tagOf(previous) + 1] = next;
  } else {
    const list = listOf(pages);
    words[LIST_HEADS_WORD + list] = next;
    if (next === 0) words[LIST_BITS_WORD + (list >>> 5)]! &= ~(1 << (list & 31));
  }
  words[LISTED_WORD]! -= pages;
}

/**
 * Adds a run to the free ones, joined with its neighbours; 'page' counts from the space's start.
 */
export function giveRun(words: Int32Array, page: number, pages: number): void {
  let first = page;
  let count = pages;
  const left = words[tagOf(first - 1)]!;
  if (left !== 0) {
    first -= left;
    count += left;
    unlink(words, first, left);
  }
  if (first + count < words[END_PAGE_WORD]!) {
    const right = words[tagOf(first + count)]!;
    if (right !== 0) {
      unlink(words, first + count, right);
      count += right;
    }
  }
  const low = words[LOW_WORD]!;
  const high = words[HIGH_WORD]!;
  // An empty wilderness may lie inside the run.
  if (first <= high && first + count >= low) {
    words[LOW_WORD] = Math.min(first, low);
    words[HIGH_WORD] = Math.max(first + count, high);
  } else {
    link(words, first, count);
  }
}

/** Takes a run of this many pages; 0 when there is none. */
export function takeRun(words: Int32Array, pages: number): number {
  const list = listOf(pages);
  let page = bestOfList(words, list, pages, OWN_LIST_LOOKS);
  if (page === 0) page = headAbove(words, list);
  if (page !== 0) return carve(words, page, pages);
  const low = words[LOW_WORD]!;
  const high = words[HIGH_WORD]!;
  if (high - low >= pages) {
    if (pages === FRAME_PAGES) {
      words[LOW_WORD] = low + pages;
      return low;
    }
    words[HIGH_WORD] = high - pages;
    return high - pages;
  }
  page = bestOfList(words, list, pages, words[LISTED_WORD]!);
  return page === 0 ? 0 : carve(words, page, pages);
}

/** The shortest run that is long enough among the first `looks` of a list. */
function bestOfList(words: Int32Array, list: number, pages: number, looks: number): number {
  let best = 0;
  let bestPages = 0x7fffffff;
  let page = words[LIST_HEADS_WORD + list]!;
  for (let i = 0; page !== 0 && i < looks && bestPages !== pages; i++) {
    const length = words[tagOf(page)]!;
    if (length >= pages && length < bestPages) {
      best = page;
      bestPages = length;
    }
    page = words[tagOf(page) + 1]!;
  }
  return best;
}

/** First run of the first list above this one that has any. */
function headAbove(words: Int32Array, list: number): number {
  const from = list + 1;
  let word = from >>> 5;
  if (from >= LIST_COUNT) return 0;
  let bits = words[LIST_BITS_WORD + word]! & (-1 << (from & 31));
  while (bits === 0) {
    word++;
    if (word * 32 >= LIST_COUNT) return 0;
    bits = words[LIST_BITS_WORD + word]!;
  }
  return words[LIST_HEADS_WORD + word * 32 + 31 - Math.clz32(bits & -bits)]!;
}

/**
 * Cuts `pages` pages from a free run: a frame from its start (at a multiple of its size when the
 * run has one), anything else from its end, so that the two kinds stay apart.
 */
function carve(words: Int32Array, page: number, pages: number): number {
  const length = words[tagOf(page)]!;
  unlink(words, page, length);
  let start = page + length - pages;
  if (pages === FRAME_PAGES) {
    const aligned = (page + FRAME_PAGES - 1) & -FRAME_PAGES;
    start = aligned <= start ? aligned : page;
  }
  if (start > page) link(words, page, start - page);
  const rest = page + length - start - pages;
  if (rest > 0) link(words, start + pages, rest);
  return start;
}

/** Makes the whole space one wilderness again, whatever the tags of used pages say. */
export function resetRuns(words: Int32Array): void {
  const first = words[DATA_PAGE_WORD]!;
  const end = words[END_PAGE_WORD]!;
  words.fill(0, tagOf(first), tagOf(words[LOW_WORD]!));
  words.fill(0, tagOf(words[HIGH_WORD]!), tagOf(end));
  words.fill(0, LIST_BITS_WORD, LIST_BITS_WORD + LIST_WORDS_TOTAL);
  words[LISTED_WORD] = 0;
  words[LOW_WORD] = first;
  words[HIGH_WORD] = end;
}

/** Bits and heads lie one after the other. */
const LIST_WORDS_TOTAL = LIST_HEADS_WORD - LIST_BITS_WORD + LIST_COUNT;

/** Verifies tags, lists and sums; returns the number of pages in lists. Tests and DEBUG only. */
export function checkRuns(words: Int32Array): number {
  let listed = 0;
  for (let list = 0; list < LIST_COUNT; list++) {
    const head = words[LIST_HEADS_WORD + list]!;
    const bit = (words[LIST_BITS_WORD + (list >>> 5)]! >>> (list & 31)) & 1;
    if (bit !== (head === 0 ? 0 : 1))
      throw new Error(`free list ${list}: bit ${bit}, head ${head}`);
    let previous = 0;
    for (let page = head; page !== 0; page = nextFreeRun(words, page)) {
      listed += checkFreeRun(words, page, list, previous);
      previous = page;
    }
  }
  if (listed !== words[LISTED_WORD]) {
    throw new Error(`${listed} pages in free lists, ${words[LISTED_WORD]} counted`);
  }
  return listed;
}

function checkFreeRun(words: Int32Array, page: number, list: number, previous: number): number {
  const length = freeRunAt(words, page);
  const end = page + length;
  const where = `free run of ${length} pages at ${page}`;
  if (length <= 0 || listOf(length) !== list) throw new Error(`${where}: in list ${list}`);
  if (freeRunAt(words, end - 1) !== length) throw new Error(`${where}: wrong end tag`);
  if (words[tagOf(page) + 2] !== previous) throw new Error(`${where}: wrong back link`);
  if (freeRunAt(words, page - 1) !== 0) throw new Error(`${where}: not joined to its left`);
  if (end === words[LOW_WORD] || page === words[HIGH_WORD]) {
    throw new Error(`${where}: not joined to the wilderness`);
  }
  if (end < words[END_PAGE_WORD]! && freeRunAt(words, end) !== 0) {
    throw new Error(`${where}: not joined to its right`);
  }
  for (let i = page + 1; i < end - 1; i++) {
    if (freeRunAt(words, i) !== 0) throw new Error(`${where}: tag inside, at ${i}`);
  }
  return length;
}
