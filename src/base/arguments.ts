import type { Region } from './region.js';

/** A command's arguments as places in a region. `offset` and `length` have `count` valid entries. */
export interface ArgumentVector {
  readonly region: Region;
  readonly count: number;
  readonly offset: Int32Array;
  readonly length: Int32Array;
}
