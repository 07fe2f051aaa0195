/**
 * Verification of a packed value that came from a peer: every element lies inside, has the one form
 * that a PackedElement gives it, and the value is what its kind promises. Reads nothing outside.
 */
import type { Region } from '../../base/region.js';
import { DistinctElements } from './distinct.js';
import {
  INTEGER_12_MAX,
  MEDIUM_MAX,
  PackedView,
  TAG_INTEGER,
  TAG_INTEGER_12,
  TAG_LONG,
  TAG_MEDIUM,
  TAG_SCORE,
  TAG_SHORT,
} from './element.js';
import { INTEGER_TEXT_MAX, Int64 } from './integer.js';
import { PACKED_HEADER_BYTES, packedCount } from './packed.js';

export interface PackedLimits {
  /** Elements come in groups of this many: 2 for pairs. */
  readonly stride: number;
  readonly countMax: number;
  /** The first elements of all groups differ. */
  readonly distinct: boolean;
  /** Pairs of member and score, in order of (score, member). */
  readonly scored: boolean;
}

/** @returns what is wrong with the value, '' when nothing is */
export function verifyPacked(
  region: Region,
  at: number,
  length: number,
  limits: PackedLimits,
): string {
  if (length < PACKED_HEADER_BYTES || at < 0 || at + length > region.length) return 'out of bounds';
  const count = packedCount(region, at);
  if (count > limits.countMax) return `${count} elements`;
  if (count % limits.stride !== 0) return `${count} elements are not in groups`;
  const end = at + length;
  if (limits.distinct) distinct.begin(count / limits.stride);
  const group = new Group();
  let next = at + PACKED_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const size = elementSize(region, next, end);
    if (size === 0) return `element ${i} is not valid`;
    const isScore = limits.scored && i % 2 === 1;
    if (!isScore && region.bytes[next] === TAG_SCORE) return `element ${i} is a score`;
    const fault = isScore
      ? group.take(region, next)
      : limits.distinct && i % limits.stride === 0 && !distinct.add(region, next, size);
    if (fault !== false) return fault === true ? `element ${i} is there twice` : fault;
    if (limits.scored && !isScore) group.member = next;
    next += size;
  }
  return next === end ? '' : `${end - next} bytes too many`;
}

/** The pair of the score being looked at, and the one before it. */
class Group {
  member = 0;
  private previous = -1;
  private previousScore = Number.NaN;
  private readonly view = new PackedView();

  take(region: Region, at: number): string | false {
    const { view } = this;
    view.read(region, at);
    if (!view.isScore && !view.isInteger) return 'a score is none';
    const score = view.score;
    if (Number.isNaN(score)) return 'a score is not a number';
    if (this.previous >= 0 && !this.follows(region, score)) return 'pairs out of order';
    this.previous = this.member;
    this.previousScore = score;
    return false;
  }

  private follows(region: Region, score: number): boolean {
    if (score !== this.previousScore) return score > this.previousScore;
    const { view, member } = this;
    view.read(region, member);
    const text = Buffer.from(textOf(region, view), 'latin1');
    const before = new PackedView();
    before.read(region, this.previous);
    return Buffer.compare(text, Buffer.from(textOf(region, before), 'latin1')) > 0;
  }
}

function textOf(region: Region, view: PackedView): string {
  const { offset, length } = view;
  if (view.isInteger) return view.integer.toText();
  return Buffer.from(region.bytes.slice(offset, offset + length)).toString('latin1');
}

/** Of the value that is being verified. */
const distinct = new DistinctElements();
const integer = new Int64();

/** Bytes of the element that starts here, or 0 when it is not valid or does not end before `end`. */
function elementSize(region: Region, at: number, end: number): number {
  const { bytes, view } = region;
  if (at >= end) return 0;
  const tag = bytes[at]!;
  if (tag < TAG_SHORT) return 1;
  if (tag < TAG_MEDIUM) return bytesSize(region, at, 1, tag & 63, end);
  if (tag < TAG_INTEGER) {
    if (at + 2 > end) return 0;
    if (tag >= TAG_INTEGER_12) return 2;
    return bytesSize(region, at, 2, 64 + (((tag & 15) << 8) | bytes[at + 1]!), end);
  }
  if (tag < TAG_LONG) return integerSize(region, at, tag & 15, end);
  if (tag === TAG_SCORE) return scoreSize(region, at, end);
  if (tag !== TAG_LONG || at + 5 > end) return 0;
  const length = view.getUint32(at + 1, true);
  return length <= MEDIUM_MAX ? 0 : bytesSize(region, at, 5, length, end);
}

/** Bytes that are an integer's text have another form. */
function bytesSize(
  region: Region,
  at: number,
  header: number,
  length: number,
  end: number,
): number {
  if (at + header + length > end) return 0;
  const isText = length <= INTEGER_TEXT_MAX && integer.parse(region, at + header, length);
  return isText ? 0 : header + length;
}

function integerSize(region: Region, at: number, width: number, end: number): number {
  if (width < 1 || width > 8 || at + 1 + width > end) return 0;
  integer.read(region, at + 1, width);
  const { high, low } = integer;
  if (integer.width !== width || (high === 0 && low >= 0 && low <= INTEGER_12_MAX)) return 0;
  return 1 + width;
}

function scoreSize(region: Region, at: number, end: number): number {
  if (at + 9 > end) return 0;
  const score = region.view.getFloat64(at + 1, true);
  const whole = Number.isInteger(score) && Math.abs(score) < 2 ** 53 && !Object.is(score, -0);
  return whole ? 0 : 9;
}
