/**
 * The reclaim list of a shard: values whose pages are freed bit by bit, as one of them may have
 * millions. Whoever removes a large value, or empties a table, moves its root to the list. No command
 * finds it any more, and what is left of it counts as used. A slice of the list is freed
 *
 *   by the background work of the threads (expiry-cycle.ts), until the list is empty;
 *   by whoever finds no free page in the shard (Space.allocate), until there are enough;
 *   by the thread that prepares a replica's full sync.
 *
 * The list is a stack of pages in the shard's own space. The newest item is freed first: an emptied
 * table puts its large values on top of itself, so that they are gone before its next frame.
 *
 *   page  0    i32  byte offset of the page below, 0 for none
 *         4    i32  items
 *         8    56 items of 72 bytes:
 *              0    i32  kind of the value; TABLE_KIND for the root of an emptied database
 *              4    i32  length of the root
 *              8    64 bytes: the root. Of a longer one its beginning, which refers to all pages
 *
 * It is bounded: when it has all its pages, or the shard has none left, a value is freed at once.
 * All functions are called under the shard's lock.
 */
import { PAGE_BYTES } from '../base/limits.js';
import { copyBytes, type Region } from '../base/region.js';
import { PerSpace } from '../memory/per-space.js';
import type { PageReclaimer, Space } from '../memory/space.js';
import { ROOT_BYTES } from '../structures/directory.js';
import { TableReclaim } from '../structures/nested-table.js';
import type { Table } from '../structures/table.js';
import type { StoredValue, ValueType } from '../values/value-type.js';
import { WORD_RECLAIM_OBJECTS, WORD_RECLAIM_PAGE, WORD_RECLAIM_PAGES } from './shard-words.js';

/** Above the kinds that entries may have. */
const TABLE_KIND = 32;
const HEADER_BYTES = 8;
const ITEM_BYTES = 72;
const ITEM_ROOT = 8;
const ITEM_ROOT_BYTES_MAX = 64;
const PAGE_ITEMS = Math.floor((PAGE_BYTES - HEADER_BYTES) / ITEM_BYTES);
/** A shard's list has no more pages: 14,336 values wait at most. */
const LIST_PAGES_MAX = 256;
/** A value with fewer pages is freed at once. */
const AT_ONCE_PAGES = 64;
/** Pages that one slice frees: well below a millisecond. */
export const SLICE_PAGES = 512;

/** What the list asks the registry of types. */
export interface ReclaimedTypes {
  readonly owningKinds: number;
  of(kind: number): ValueType;
}

/** A value whose root lies in an item of the list, or in an entry of an emptied table. */
class DeadValue implements StoredValue {
  space!: Space;
  region!: Region;
  kind = 0;
  readonly expiry = 0;
  valueOffset = 0;
  valueLength = 0;

  set(space: Space, kind: number, offset: number, length: number): this {
    this.space = space;
    this.region = space.region;
    this.kind = kind;
    this.valueOffset = offset;
    this.valueLength = length;
    return this;
  }
}

export class ReclaimList implements PageReclaimer {
  /** Values freed by way of lists since the count was last taken. */
  reclaimed = 0;
  private readonly tables: PerSpace<TableReclaim>;
  private readonly listed = new DeadValue();
  private readonly stored = new DeadValue();
  /** Whether a slice is being freed: no other begins inside it. */
  private busy = false;

  constructor(private readonly types: ReclaimedTypes) {
    this.tables = new PerSpace((space) => {
      const free = (kind: number, offset: number, length: number) =>
        this.free(this.stored.set(space, kind, offset, length));
      return new TableReclaim(space, { kinds: types.owningKinds, free });
    });
  }

  /** Frees the pages of an owning value: the first ones at once, the others bit by bit. */
  free(value: StoredValue): void {
    const type = this.types.of(value.kind);
    if (type.freeStep(value, AT_ONCE_PAGES)) return;
    const { space, kind, region, valueOffset, valueLength } = value;
    const rootBytes = Math.min(valueLength, ITEM_ROOT_BYTES_MAX);
    const item = this.push(space, kind, rootBytes);
    if (item !== 0) {
      copyBytes(space.region, item + ITEM_ROOT, region, valueOffset, rootBytes);
      space.words[WORD_RECLAIM_OBJECTS]!++;
    } else while (!type.freeStep(value, SLICE_PAGES));
  }

  /**
   * Empties a table.
   * @param owns whether it may have values that own pages
   */
  freeTable(table: Table, owns: boolean): void {
    const { space, root, region, size } = table;
    if (!owns && table.allocatedPages <= AT_ONCE_PAGES) {
      table.clear();
      return;
    }
    const item = this.push(space, TABLE_KIND, ROOT_BYTES);
    if (item === 0) {
      this.freeTableAtOnce(space, root);
      return;
    }
    copyBytes(space.region, item + ITEM_ROOT, region, root, ROOT_BYTES);
    space.words[WORD_RECLAIM_OBJECTS]! += size;
    table.forget();
    this.step(space, AT_ONCE_PAGES);
  }

  private freeTableAtOnce(space: Space, root: number): void {
    const wasBusy = this.busy;
    this.busy = true;
    try {
      this.tables.of(space).freeWhole(root);
    } finally {
      this.busy = wasBusy;
    }
  }

  /** Frees a slice, so that the shard has free pages. @returns false when there is nothing to free */
  reclaim(space: Space): boolean {
    if (this.busy || space.words[WORD_RECLAIM_PAGE] === 0) return false;
    this.step(space, SLICE_PAGES);
    return true;
  }

  /** Frees about `budgetPages` pages. @returns whether values are left */
  step(space: Space, budgetPages: number): boolean {
    const { words } = space;
    const until = space.residentPages - budgetPages;
    this.busy = true;
    try {
      while (words[WORD_RECLAIM_PAGE] !== 0 && space.residentPages > until) {
        this.freeNewest(space, space.residentPages - until);
      }
    } finally {
      this.busy = false;
    }
    return words[WORD_RECLAIM_PAGE] !== 0;
  }

  private freeNewest(space: Space, budgetPages: number): void {
    const { words } = space;
    const page = words[WORD_RECLAIM_PAGE]!;
    const items = words[(page >> 2) + 1]!;
    const item = page + HEADER_BYTES + (items - 1) * ITEM_BYTES;
    const root = item + ITEM_ROOT;
    const kind = words[item >> 2]!;
    if (kind !== TABLE_KIND) {
      const value = this.listed.set(space, kind, root, words[(item >> 2) + 1]!);
      if (this.types.of(kind).freeStep(value, budgetPages)) this.pop(space, 1);
      return;
    }
    const reclaim = this.tables.of(space);
    const before = reclaim.entries(root);
    const done = reclaim.step(root, budgetPages);
    this.count(space, before - reclaim.entries(root));
    // It may have put values on top of itself: then it goes when they are gone.
    const newest = words[WORD_RECLAIM_PAGE] === page && words[(page >> 2) + 1] === items;
    if (done && newest) this.pop(space, 0);
  }

  /** @returns the byte offset of a new item, 0 when there is no room for one */
  private push(space: Space, kind: number, length: number): number {
    if (length > ITEM_ROOT_BYTES_MAX) throw new Error(`a root of ${length} bytes`);
    const { words } = space;
    let page = words[WORD_RECLAIM_PAGE]!;
    if (page === 0 || words[(page >> 2) + 1] === PAGE_ITEMS) {
      page = this.addPage(space);
      if (page === 0) return 0;
    }
    const item = page + HEADER_BYTES + words[(page >> 2) + 1]!++ * ITEM_BYTES;
    words[item >> 2] = kind;
    words[(item >> 2) + 1] = length;
    return item;
  }

  private addPage(space: Space): number {
    const { words } = space;
    if (words[WORD_RECLAIM_PAGES] === LIST_PAGES_MAX) return 0;
    const page = space.allocate(1);
    if (page === 0) return 0;
    space.commit(1);
    words[page >> 2] = words[WORD_RECLAIM_PAGE]!;
    words[(page >> 2) + 1] = 0;
    words[WORD_RECLAIM_PAGE] = page;
    words[WORD_RECLAIM_PAGES]!++;
    return page;
  }

  private pop(space: Space, objects: number): void {
    const { words } = space;
    const page = words[WORD_RECLAIM_PAGE]!;
    this.count(space, objects);
    if (--words[(page >> 2) + 1]! > 0) return;
    words[WORD_RECLAIM_PAGE] = words[page >> 2]!;
    words[WORD_RECLAIM_PAGES]!--;
    space.free(page, 1);
    space.commit(-1);
  }

  private count(space: Space, objects: number): void {
    space.words[WORD_RECLAIM_OBJECTS]! -= objects;
    this.reclaimed += objects;
  }
}

/**
 * Whether a list holds anything. It may be an emptied table that has no values left but a frame: objects
 * do not tell. Without the lock it may be late.
 */
export function waitsForReclaim(space: Space): boolean {
  return space.words[WORD_RECLAIM_PAGE] !== 0;
}

/** Values of a shard that wait to be freed. A number for people, when read without the lock. */
export function reclaimPending(space: Space): number {
  return space.words[WORD_RECLAIM_OBJECTS]!;
}

/** Verifies the list of a shard. @throws an error that tells what is wrong */
export function checkReclaimList(space: Space, types: ReclaimedTypes): void {
  const { words } = space;
  const reclaim = new TableReclaim(space, null);
  let pages = 0;
  let objects = 0;
  for (let page = words[WORD_RECLAIM_PAGE]!; page !== 0; page = words[page >> 2]!) {
    const items = words[(page >> 2) + 1]!;
    if (page % PAGE_BYTES !== 0 || ++pages > LIST_PAGES_MAX) throw new Error('reclaim list: pages');
    if (items < 1 || items > PAGE_ITEMS) throw new Error(`reclaim list: ${items} items in a page`);
    for (let i = 0; i < items; i++) {
      const item = page + HEADER_BYTES + i * ITEM_BYTES;
      const kind = words[item >> 2]!;
      if (kind === TABLE_KIND) objects += reclaim.entries(item + ITEM_ROOT);
      else if (((types.owningKinds >>> kind) & 1) === 1) objects++;
      else throw new Error(`reclaim list: an item of kind ${kind}`);
    }
  }
  if (pages !== words[WORD_RECLAIM_PAGES]) throw new Error(`reclaim list: ${pages} pages`);
  if (objects !== words[WORD_RECLAIM_OBJECTS]) throw new Error(`reclaim list: ${objects} objects`);
}
