/** Ranges of a sorted set, as commands are given them. All are records that their owner reuses. */
import type { Region } from '../../base/region.js';

/** Elements by rank: from `first` to before `end`. */
export class RankRange {
  first = 0;
  end = 0;

  get count(): number {
    return Math.max(0, this.end - this.first);
  }
}

export class ScoreRange {
  min = Number.NaN;
  max = Number.NaN;
  minExclusive = false;
  maxExclusive = false;
}

/** What an end of a range of members is. */
export const LEX_BEFORE_ALL = 0;
export const LEX_INCLUSIVE = 1;
export const LEX_EXCLUSIVE = 2;
export const LEX_AFTER_ALL = 3;

/** An end of a range of members: a kind, and the bytes of the inclusive and exclusive ones. */
export class LexEnd {
  kind = LEX_BEFORE_ALL;
  offset = 0;
  length = 0;

  constructor(public region: Region) {}

  set(kind: number, region: Region, offset: number, length: number): void {
    this.kind = kind;
    this.region = region;
    this.offset = offset;
    this.length = length;
  }
}

export class LexRange {
  readonly min: LexEnd;
  readonly max: LexEnd;

  constructor(region: Region) {
    this.min = new LexEnd(region);
    this.max = new LexEnd(region);
  }
}
