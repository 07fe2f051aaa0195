/**
 * The orders of a sequence, and the key of a search.
 *
 *   ORDER_NONE    elements lie where they were put
 *   ORDER_SCORE   by score, a double, then by the bytes of the member: score, then member
 *   ORDER_ID      by an id of 16 bytes, compared as memcmp does: id, then payload
 *
 * Inner nodes keep a prefix of 16 bytes of each child's keys as separator: the score and 8 bytes of
 * the member, or the whole id. It is written as four words whose signed comparison is the order. Only
 * where prefixes are equal is an element itself looked at.
 */
import { compareBytes, type Region } from '../../base/region.js';
import { PAGE_SHIFT } from '../../memory/space-layout.js';
import { FORM_LARGE, readScore, SCORE_PART } from './element.js';
import {
  elementEnd,
  elementStart,
  FORM_SHIFT,
  formOf,
  SLOT_BYTES,
  START_MASK,
  slotAt,
} from './leaf.js';
import { ID_BYTES, ORDER_ID, ORDER_SCORE } from './root.js';

const SIGN = 0x80000000 | 0;
const WORD_BYTES = 4;
const TWO_WORDS_BYTES = 8;
const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);

/** Writes the two words of a score. -0 and 0 are equal, so they have the same. */
function scoreWords(words: Int32Array, at: number, score: number): void {
  double[0] = score + 0;
  const low = doubleWords[0]!;
  const high = doubleWords[1]!;
  words[at] = high < 0 ? high ^ 0x7fffffff : high;
  words[at + 1] = (high < 0 ? ~low : low) ^ SIGN;
}

/** Writes the words of the first bytes (8 or 16) of a string, filled up with zeroes. */
function byteWords(
  words: Int32Array,
  at: number,
  count: number,
  region: Region,
  offset: number,
  length: number,
): void {
  const view = region.view;
  for (let i = 0; i < count; i++) {
    const from = i * 4;
    let word = 0;
    if (from + 4 <= length) word = view.getInt32(offset + from, false);
    else {
      for (let j = from; j < length; j++) word |= view.getUint8(offset + j) << (24 - 8 * (j & 3));
    }
    words[at + i] = word ^ SIGN;
  }
}

/** What is sought: a score and a member, a score alone, or an id. Owned by its caller, reused. */
export class SearchKey {
  readonly words = new Int32Array(4);
  score = Number.NaN;
  /** Every member of the score is equal to this key. */
  scoreOnly = false;
  region: Region;
  offset = 0;
  length = 0;

  constructor(region: Region) {
    this.region = region;
  }

  /** All elements of a score. */
  aimScore(score: number): void {
    this.score = score;
    this.scoreOnly = true;
    scoreWords(this.words, 0, score);
  }

  aimMember(score: number, region: Region, offset: number, length: number): void {
    this.score = score;
    this.scoreOnly = false;
    this.region = region;
    this.offset = offset;
    this.length = length;
    scoreWords(this.words, 0, score);
    byteWords(this.words, 2, 2, region, offset, length);
  }

  /** The 16 bytes of an id, the most significant first. */
  aimId(region: Region, offset: number): void {
    this.scoreOnly = false;
    this.region = region;
    this.offset = offset;
    this.length = ID_BYTES;
    byteWords(this.words, 0, 4, region, offset, ID_BYTES);
  }
}

/** Compares a separator with the prefix of a key; 0 when only the elements can tell. */
export function compareSeparator(words: Int32Array, separator: number, key: SearchKey): number {
  const wanted = key.words;
  const first = words[separator]!;
  const firstWanted = wanted[0]!;
  if (first !== firstWanted) return first < firstWanted ? -1 : 1;
  const count = key.scoreOnly ? 2 : 4;
  for (let i = 1; i < count; i++) {
    const left = words[separator + i]!;
    const right = wanted[i]!;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** Compares element `index` of a leaf with a key. */
export function compareElement(
  region: Region,
  leaf: number,
  index: number,
  order: number,
  key: SearchKey,
): number {
  const view = region.view;
  // A search is many of these: the slot is read once.
  const slot = view.getUint16(slotAt(view, leaf, index), true);
  const start = leaf + (slot & START_MASK);
  if (order === ORDER_ID) {
    return compareBytes(region, start, ID_BYTES, key.region, key.offset, ID_BYTES);
  }
  const form = slot >>> FORM_SHIFT;
  const score = readScore(view, start, form);
  if (score !== key.score) return score < key.score ? -1 : 1;
  if (key.scoreOnly) return 0;
  let member = start + SCORE_PART[form]!;
  let length = elementEnd(view, leaf, index) - member;
  if (form === FORM_LARGE) {
    length = view.getInt32(member + 4, true);
    member = view.getInt32(member, true) << PAGE_SHIFT;
  }
  return compareBytes(region, member, length, key.region, key.offset, key.length);
}

/** Compares a member with the key's by their first 8 bytes; 0 when these do not tell. */
function compareStart(view: DataView, member: number, length: number, key: SearchKey): number {
  const { words } = key;
  const wantedLength = key.length;
  if (length < WORD_BYTES || wantedLength < WORD_BYTES) return 0;
  const first = view.getInt32(member, false) ^ SIGN;
  if (first !== words[2]) return first < words[2]! ? -1 : 1;
  if (length < TWO_WORDS_BYTES || wantedLength < TWO_WORDS_BYTES) return 0;
  const second = view.getInt32(member + WORD_BYTES, false) ^ SIGN;
  if (second !== words[3]) return second < words[3]! ? -1 : 1;
  // Ids of stream entries have 8 bytes: the key is where the member begins.
  return wantedLength === TWO_WORDS_BYTES && length > TWO_WORDS_BYTES ? 1 : 0;
}

/**
 * The first of a leaf's elements, which are in the order of their scores, that is not before the key;
 * with `after`, the first one behind it. Most elements are told by their score or the first bytes of
 * their member.
 */
export function searchScored(
  region: Region,
  leaf: number,
  count: number,
  key: SearchKey,
  after: boolean,
): number {
  const { view } = region;
  const { score, scoreOnly } = key;
  const slots = slotAt(view, leaf, 0);
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = slots + middle * SLOT_BYTES;
    const slot = view.getUint16(at, true);
    const start = leaf + (slot & START_MASK);
    const form = slot >>> FORM_SHIFT;
    const own = readScore(view, start, form);
    let order = 0;
    if (own !== score) order = own < score ? -1 : 1;
    else if (!scoreOnly) {
      if (form !== FORM_LARGE) {
        const member = start + SCORE_PART[form]!;
        order = compareStart(view, member, elementEnd(view, leaf, middle) - member, key);
      }
      if (order === 0) order = compareElement(region, leaf, middle, ORDER_SCORE, key);
    }
    if (order < 0 || (after && order === 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Makes a key of an element of a leaf; its bytes are referred to, not copied. */
export function aimElement(
  region: Region,
  leaf: number,
  index: number,
  order: number,
  key: SearchKey,
): void {
  const view = region.view;
  const start = elementStart(view, leaf, index);
  if (order === ORDER_ID) {
    key.aimId(region, start);
    return;
  }
  const form = formOf(view, leaf, index);
  const member = start + SCORE_PART[form]!;
  const score = readScore(view, start, form);
  if (form === FORM_LARGE) {
    const run = view.getInt32(member, true) << PAGE_SHIFT;
    key.aimMember(score, region, run, view.getInt32(member + 4, true));
  } else {
    key.aimMember(score, region, member, elementEnd(view, leaf, index) - member);
  }
}
