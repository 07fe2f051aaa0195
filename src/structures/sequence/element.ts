/**
 * Elements of a sequence as they lie in a leaf: see leaf.ts for where. The form is in the slot.
 *
 *   form           without order          by score                    by id
 *   0 BYTES        the bytes              f64 score, member           id (16), payload
 *   1 INTEGER      1-8 bytes, signed      -                           -
 *   2 LARGE        u32 page, u32 length   f64 score, page, length     id, page, length
 *   3 SCORE_16     -                      i16 score, member           -
 *   4 SCORE_32     -                      i32 score, member           -
 *
 * A text that is a canonical integer is an integer, a score that is a small integer takes 2 or 4
 * bytes, and bytes that are too long for a leaf lie in a run of pages of their own: each element
 * has exactly one form, so equal elements have equal bytes. -0 keeps its f64.
 */
import { copyBytes, equalBytes, Region } from '../../base/region.js';
import { PAGE_BYTES, PAGE_SHIFT } from '../../memory/space-layout.js';
import { pagesFor } from '../entry.js';
import { INTEGER_TEXT_MAX, Int64 } from '../packed/integer.js';
import { elementEnd, elementStart, formOf, LEAF_ELEMENT_MAX } from './leaf.js';
import { ID_BYTES, ORDER_ID, ORDER_NONE, ORDER_SCORE } from './root.js';

export const FORM_BYTES = 0;
export const FORM_INTEGER = 1;
export const FORM_LARGE = 2;
export const FORM_SCORE_16 = 3;
export const FORM_SCORE_32 = 4;
/** A page and a length. */
export const RUN_REFERENCE_BYTES = 8;

/** Bytes of the score, by form. */
export const SCORE_PART = new Uint8Array([8, 0, 8, 2, 4]);

const FAR = 0x4000;
/** Bytes before a member that lies in its leaf, by form; more than a leaf has for the other forms. */
export const BEFORE_MEMBER = new Int32Array([8, FAR, FAR, 2, 4, FAR, FAR, FAR]);

export function readScore(view: DataView, start: number, form: number): number {
  if (form === FORM_SCORE_16) return view.getInt16(start, true);
  if (form === FORM_SCORE_32) return view.getInt32(start, true);
  return view.getFloat64(start, true);
}

export function scoreForm(score: number): number {
  if (score !== (score | 0) || Object.is(score, -0)) return FORM_BYTES;
  return score === (score << 16) >> 16 ? FORM_SCORE_16 : FORM_SCORE_32;
}

/** Bytes before the payload of a large element, by order: nothing, a score, an id. */
const PREFIX_PART = new Uint8Array([0, 8, 16]);
/** For sources that lie in the space itself: elements move while room is made for one. */
const sourceCopy = new Region(new SharedArrayBuffer(PAGE_BYTES), 0);

/** An element about to be written, or one to compare with. Owned by its caller, reused. */
export class NewElement {
  form = 0;
  /** Bytes in the leaf. */
  size = 0;
  /** Pages of its run, 0 for none. */
  pages = 0;
  score = Number.NaN;
  readonly integer = new Int64();
  readonly id = new Region(new SharedArrayBuffer(ID_BYTES), 0);
  source: Region;
  offset = 0;
  length = 0;
  private order = 0;

  constructor(region: Region) {
    this.source = region;
  }

  /** An element without order: an integer where the text is one. */
  setBytes(source: Region, offset: number, length: number): void {
    if (length <= INTEGER_TEXT_MAX && this.integer.parse(source, offset, length)) {
      this.setForm(FORM_INTEGER, this.integer.width);
      return;
    }
    this.setSource(source, offset, length, ORDER_NONE, FORM_BYTES);
  }

  /** A member with its score, which is not NaN. */
  setScored(score: number, source: Region, offset: number, length: number): void {
    const form = scoreForm(score);
    this.score = score;
    this.setSource(source, offset, length, ORDER_SCORE, form);
  }

  /** A payload with the 16 bytes of its id. */
  setIdentified(
    id: Region,
    idOffset: number,
    source: Region,
    offset: number,
    length: number,
  ): void {
    copyBytes(this.id, 0, id, idOffset, ID_BYTES);
    this.setSource(source, offset, length, ORDER_ID, FORM_BYTES);
  }

  private setForm(form: number, size: number): void {
    this.form = form;
    this.size = size;
    this.pages = 0;
    this.order = 0;
    this.length = 0;
  }

  private setSource(
    source: Region,
    offset: number,
    length: number,
    order: number,
    form: number,
  ): void {
    const before = order === ORDER_SCORE ? SCORE_PART[form]! : PREFIX_PART[order]!;
    this.setForm(form, before + length);
    this.order = order;
    this.source = source;
    this.offset = offset;
    this.length = length;
    if (before + length <= LEAF_ELEMENT_MAX) return;
    this.form = FORM_LARGE;
    this.size = PREFIX_PART[order]! + RUN_REFERENCE_BYTES;
    this.pages = pagesFor(length);
  }

  /** Before elements of this region move: a source inside it is kept elsewhere. Runs stay. */
  keepSource(region: Region): void {
    if (this.source !== region || this.pages > 0 || this.length === 0) return;
    copyBytes(sourceCopy, 0, this.source, this.offset, this.length);
    this.source = sourceCopy;
    this.offset = 0;
  }

  /** Writes it where room was made. @param run where its run is, 0 for none */
  write(region: Region, at: number, run: number): void {
    if (this.form === FORM_INTEGER) {
      this.integer.write(region, at, this.size);
      return;
    }
    const { view } = region;
    let body = at;
    if (this.order === ORDER_SCORE) {
      if (this.form === FORM_SCORE_16) view.setInt16(at, this.score, true);
      else if (this.form === FORM_SCORE_32) view.setInt32(at, this.score, true);
      else view.setFloat64(at, this.score, true);
      body += SCORE_PART[this.form]!;
    } else if (this.order === ORDER_ID) {
      copyBytes(region, at, this.id, 0, ID_BYTES);
      body += ID_BYTES;
    }
    if (run === 0) {
      copyBytes(region, body, this.source, this.offset, this.length);
      return;
    }
    view.setInt32(body, run >>> PAGE_SHIFT, true);
    view.setInt32(body + 4, this.length, true);
  }

  /** Fills its run, which nothing refers to yet. */
  writeRun(region: Region, run: number): void {
    copyBytes(region, run, this.source, this.offset, this.length);
  }

  /** Whether an element of a sequence without order is the same. */
  equals(region: Region, leaf: number, index: number): boolean {
    const view = region.view;
    if (formOf(view, leaf, index) !== this.form) return false;
    const start = elementStart(view, leaf, index);
    if (elementEnd(view, leaf, index) - start !== this.size) return false;
    if (this.form === FORM_BYTES) {
      return equalBytes(region, start, this.source, this.offset, this.length);
    }
    if (this.form === FORM_LARGE) {
      const run = view.getInt32(start, true) << PAGE_SHIFT;
      const same = view.getInt32(start + 4, true) === this.length;
      return same && equalBytes(region, run, this.source, this.offset, this.length);
    }
    return this.integer.equals(region, start, this.size);
  }
}

/** An element as read. Its bytes are referred to: they stay until the sequence changes. */
export class ElementView {
  form = 0;
  /** Where its bytes are: in the leaf or in a run. Not for an integer. */
  offset = 0;
  /** Bytes of the value; of an integer, of its text. */
  length = 0;
  score = Number.NaN;
  /** Where its id is. */
  idOffset = 0;
  /** Where its run is, 0 for none. */
  run = 0;
  readonly integer = new Int64();

  read(region: Region, leaf: number, index: number, order: number): void {
    const view = region.view;
    const form = formOf(view, leaf, index);
    const start = elementStart(view, leaf, index);
    const end = elementEnd(view, leaf, index);
    this.form = form;
    this.run = 0;
    if (form === FORM_INTEGER) {
      this.integer.read(region, start, end - start);
      this.length = this.integer.textLength;
      return;
    }
    let body = start;
    if (order === ORDER_SCORE) {
      this.score = readScore(view, start, form);
      body += SCORE_PART[form]!;
    } else if (order === ORDER_ID) {
      this.idOffset = start;
      body += ID_BYTES;
    }
    if (form === FORM_LARGE) {
      this.run = view.getInt32(body, true) << PAGE_SHIFT;
      this.offset = this.run;
      this.length = view.getInt32(body + 4, true);
      return;
    }
    this.offset = body;
    this.length = end - body;
  }

  get isInteger(): boolean {
    return this.form === FORM_INTEGER;
  }

  /** Copies its bytes, `length` of them. @param region the sequence's */
  copyTo(region: Region, target: Region, at: number): void {
    if (this.form === FORM_INTEGER) this.integer.writeText(target, at, this.length);
    else copyBytes(target, at, region, this.offset, this.length);
  }
}

/** Where the reference to a large element's run lies in the leaf. */
export function runReference(view: DataView, leaf: number, index: number, order: number): number {
  return elementStart(view, leaf, index) + PREFIX_PART[order]!;
}
