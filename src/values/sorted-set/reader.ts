/**
 * Reading a sorted set in either form: by member, by rank in both directions, by ranges of scores and
 * of members. A reader is attached to a value and is good until something changes in its shard. It
 * belongs to one thread; several values are read at once with a reader of another use each
 * (views.ts). Nothing here allocates.
 */
import { compareBytes, Region } from '../../base/region.js';
import {
  elementBytes,
  PackedElement,
  PackedView,
  scoreAt,
} from '../../structures/packed/element.js';
import { INTEGER_TEXT_MAX } from '../../structures/packed/integer.js';
import {
  collectPositions,
  findElement,
  PACKED_HEADER_BYTES,
  skipElements,
} from '../../structures/packed/packed.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { ElementView } from '../../structures/sequence/element.js';
import { SearchKey } from '../../structures/sequence/order.js';
import { SCAN_END, type ScoredSet } from '../../structures/sequence/scored-set.js';
import type { StoredValue } from '../value-type.js';
import { isListpackKind, isNestedKind, PACKED_MEMBERS_MAX, packedMembers } from './kinds.js';
import {
  LEX_AFTER_ALL,
  LEX_BEFORE_ALL,
  LEX_EXCLUSIVE,
  type LexEnd,
  type LexRange,
  type RankRange,
  type ScoreRange,
} from './range.js';
import { scoredSetOf } from './views.js';

const PAIR = 2;

export class SortedSetReader {
  count = 0;
  /** Whether OBJECT ENCODING calls the set a listpack. */
  isListpack = false;
  /** Score of the member found or read. */
  score = Number.NaN;
  /** Bytes of the member read; they stay until the next one is read. */
  memberRegion: Region;
  memberOffset = 0;
  memberLength = 0;
  /** Rank of the member read. */
  rank = 0;

  private set: ScoredSet | null = null;
  private region: Region;
  private at = 0;
  private length = 0;
  /** Of a packed set: where the pair read begins, and where the next one does. */
  private position = 0;
  private after = 0;
  private readonly positions = new Int32Array(PACKED_MEMBERS_MAX * PAIR);
  private hasPositions = false;
  private readonly packedView = new PackedView();
  private readonly element: PackedElement;
  private readonly text = new Region(new SharedArrayBuffer((INTEGER_TEXT_MAX + 7) & ~7), 0);
  private readonly view = new ElementView();
  private readonly cursor = new Cursor();
  private readonly key: SearchKey;

  /** @param use see views.ts: no two readers of the same use are attached at the same time */
  constructor(private readonly use: number) {
    this.region = this.text;
    this.memberRegion = this.text;
    this.element = new PackedElement(this.text);
    this.key = new SearchKey(this.text);
  }

  attach(value: StoredValue): void {
    this.region = value.region;
    this.at = value.valueOffset;
    this.length = value.valueLength;
    this.hasPositions = false;
    this.isListpack = isListpackKind(value.kind);
    if (!isNestedKind(value.kind)) {
      this.set = null;
      this.count = packedMembers(value.region, value.valueOffset);
      return;
    }
    const set = scoredSetOf(value.space, this.use);
    set.attach(value.valueOffset, value.region);
    this.set = set;
    this.count = set.count;
  }

  /** Looks a member up: on true `score` is its score. */
  find(source: Region, offset: number, length: number): boolean {
    const { set, region, at } = this;
    if (set !== null) {
      const found = set.find(source, offset, length);
      if (found) this.score = set.score;
      return found;
    }
    const { element } = this;
    element.set(source, offset, length);
    const position = findElement(region, at, this.length, element, PACKED_HEADER_BYTES, PAIR);
    if (position < 0) return false;
    this.position = position;
    this.score = scoreAt(region, at + position + element.size);
    return true;
  }

  /** Rank of the member that was found. */
  foundRank(): number {
    const { set, region, at } = this;
    if (set !== null) {
      set.seekFound(this.cursor);
      return this.cursor.rank;
    }
    let rank = 0;
    for (let next = PACKED_HEADER_BYTES; next < this.position; rank++) {
      next = skipElements(region, at, next, PAIR);
    }
    return rank;
  }

  /** Reads the member of a rank. @returns false when there is none */
  seekRank(rank: number): boolean {
    if (rank < 0 || rank >= this.count) return false;
    this.rank = rank;
    const { set, cursor } = this;
    if (set !== null) {
      set.seekIndex(cursor, rank);
      this.readNested(set);
      return true;
    }
    this.position = skipElements(this.region, this.at, PACKED_HEADER_BYTES, rank * PAIR);
    this.readPacked();
    return true;
  }

  /** Reads the first member. @returns false when there is none */
  first(): boolean {
    return this.seekRank(0);
  }

  /** Reads the next member. @returns false at the end */
  next(): boolean {
    const { set } = this;
    if (this.rank + 1 >= this.count) return false;
    this.rank++;
    if (set !== null) {
      set.next(this.cursor);
      this.readNested(set);
      return true;
    }
    this.position = this.after;
    this.readPacked();
    return true;
  }

  /** Reads the member before. @returns false at the beginning */
  previous(): boolean {
    const { set } = this;
    if (this.rank === 0) return false;
    this.rank--;
    if (set !== null) {
      set.previous(this.cursor);
      this.readNested(set);
      return true;
    }
    if (!this.hasPositions) {
      collectPositions(this.region, this.at, this.positions);
      this.hasPositions = true;
    }
    this.position = this.positions[this.rank * PAIR]!;
    this.readPacked();
    return true;
  }

  private readNested(set: ScoredSet): void {
    const { view } = this;
    set.read(this.cursor, view);
    this.noteNested(set);
  }

  private noteNested(set: ScoredSet): void {
    const { view } = this;
    this.score = view.score;
    this.memberRegion = set.space.region;
    this.memberOffset = view.offset;
    this.memberLength = view.length;
  }

  private readPacked(): void {
    const { packedView, region, at, text } = this;
    const start = at + this.position;
    const scoreOffset = start + packedView.read(region, start);
    this.memberLength = packedView.length;
    if (packedView.isInteger) {
      packedView.integer.writeText(text, 0, packedView.length);
      this.memberRegion = text;
      this.memberOffset = 0;
    } else {
      this.memberRegion = region;
      this.memberOffset = packedView.offset;
    }
    this.score = scoreAt(region, scoreOffset);
    this.after = scoreOffset + elementBytes(region, scoreOffset) - at;
  }

  /** How many members come before a score; with `after`, up to it. */
  private rankOfScore(score: number, after: boolean): number {
    const { set, cursor, key, region, at } = this;
    if (set !== null) {
      key.aimScore(score);
      set.seekKey(cursor, key, after);
      return cursor.rank;
    }
    const end = at + this.length;
    let rank = 0;
    for (let next = at + PACKED_HEADER_BYTES; next < end; rank++) {
      const scoreOffset = next + elementBytes(region, next);
      const own = scoreAt(region, scoreOffset);
      if (own > score || (own === score && !after)) break;
      next = scoreOffset + elementBytes(region, scoreOffset);
    }
    return rank;
  }

  ranksOfScores(range: ScoreRange, into: RankRange): void {
    into.first = this.rankOfScore(range.min, range.minExclusive);
    into.end = this.rankOfScore(range.max, !range.maxExclusive);
  }

  /**
   * The ranks of a range of members. It is meant for sets whose scores are all the same. Where they
   * are not, the answer is that of a walk from one end (the last one with `reverse`) in a packed set,
   * as in Redis; in a nested set it is what a search finds.
   */
  ranksOfMembers(range: LexRange, reverse: boolean, into: RankRange): void {
    const { set, count } = this;
    into.first = 0;
    into.end = 0;
    if (count === 0) return;
    this.seekRank(count - 1);
    if (!this.isAfter(range.min)) return;
    this.seekRank(0);
    if (!this.isBefore(range.max)) return;
    if (set !== null) {
      into.first = this.rankOfEnd(set, range.min, range.min.kind === LEX_EXCLUSIVE);
      into.end = this.rankOfEnd(set, range.max, range.max.kind !== LEX_EXCLUSIVE);
    } else if (reverse) this.walkBack(range, into);
    else this.walk(range, into);
  }

  private walk(range: LexRange, into: RankRange): void {
    let more = true;
    while (more && !this.isAfter(range.min)) more = this.next();
    if (!more) return;
    into.first = this.rank;
    while (more && this.isBefore(range.max)) more = this.next();
    into.end = more ? this.rank : this.count;
  }

  private walkBack(range: LexRange, into: RankRange): void {
    let more = this.seekRank(this.count - 1);
    while (more && !this.isBefore(range.max)) more = this.previous();
    if (!more) return;
    into.end = this.rank + 1;
    while (more && this.isAfter(range.min)) more = this.previous();
    into.first = more ? this.rank + 1 : 0;
  }

  /** Whether the member read does not come before the lower end of a range. */
  private isAfter(end: LexEnd): boolean {
    if (end.kind === LEX_BEFORE_ALL) return true;
    if (end.kind === LEX_AFTER_ALL) return false;
    const order = this.compareMember(end);
    return order > 0 || (order === 0 && end.kind !== LEX_EXCLUSIVE);
  }

  /** Whether the member read does not come behind the upper end of a range. */
  private isBefore(end: LexEnd): boolean {
    if (end.kind === LEX_AFTER_ALL) return true;
    if (end.kind === LEX_BEFORE_ALL) return false;
    const order = this.compareMember(end);
    return order < 0 || (order === 0 && end.kind !== LEX_EXCLUSIVE);
  }

  private compareMember(end: LexEnd): number {
    const { memberRegion, memberOffset, memberLength } = this;
    return compareBytes(
      memberRegion,
      memberOffset,
      memberLength,
      end.region,
      end.offset,
      end.length,
    );
  }

  /** The rank of the first member that is not before an end; with `after`, behind it. */
  private rankOfEnd(set: ScoredSet, end: LexEnd, after: boolean): number {
    if (end.kind === LEX_BEFORE_ALL) return 0;
    if (end.kind === LEX_AFTER_ALL) return this.count;
    const { cursor, key, view } = this;
    set.seekIndex(cursor, 0);
    set.read(cursor, view);
    key.aimMember(view.score, end.region, end.offset, end.length);
    set.seekKey(cursor, key, after);
    return cursor.rank;
  }

  /** Whether a scan takes one step. */
  get isPacked(): boolean {
    return this.set === null;
  }

  /**
   * Collects members from a hash position on, to be read with `readScanned`. A packed set comes whole.
   * @returns the position to go on with; SCAN_END at the end
   */
  scan(position: number): number {
    const { set } = this;
    return set === null ? SCAN_END : set.scan(position);
  }

  /** Members that the last `scan` collected. */
  get scanCount(): number {
    return this.set === null ? this.count : this.set.scanCount;
  }

  /** Reads one of them; they are read in order. */
  readScanned(index: number): void {
    const { set } = this;
    if (set !== null) {
      set.readScanned(index, this.view);
      this.noteNested(set);
    } else if (index === 0) this.seekRank(0);
    else this.next();
  }
}

export { SCAN_END };
