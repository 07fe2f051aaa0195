/** What a union, intersection or difference is made of: sorted sets, and sets. */
import type { Region } from '../../../base/region.js';
import type { StoredValue } from '../../../values/value-type.js';

/** A value, and the number of the shard that it lies in. */
export interface FoundValue extends StoredValue {
  readonly shard: number;
}

/** A collection whose members have scores. Attached to one value after the other. */
export interface MemberSource {
  count: number;
  /** Score of the member read or found. */
  readonly score: number;
  readonly memberRegion: Region;
  readonly memberOffset: number;
  readonly memberLength: number;

  attach(value: FoundValue): void;
  /** Reads the first member. @returns false when there is none */
  first(): boolean;
  /** Reads the next one. @returns false at the end */
  next(): boolean;
  find(region: Region, offset: number, length: number): boolean;
}
