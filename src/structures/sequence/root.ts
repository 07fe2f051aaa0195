/**
 * The root of a sequence: 32 bytes that can lie anywhere, inside an entry too, and be moved by a
 * copy. Nothing in the tree points back to them.
 *
 *   0   u32  page of the root node (0: the sequence is empty)
 *   4   u8   height: levels of inner nodes above the leaves
 *   5   u8   order
 *   6   u8   1 while it is being reclaimed, 7 free
 *   8   u32  page of the first leaf
 *   12  u32  page of the last leaf
 *   16  u32  elements
 *   20  u32  pages: nodes, and runs of large elements
 *   24  u32  generation: changes with every change of the sequence
 *   28  u32  large elements, each of which has a run of pages
 *
 * A root of zeroes is an empty sequence without an order.
 */
import type { Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { PAGE_SHIFT } from '../../memory/space-layout.js';

export const SEQUENCE_ROOT_BYTES = 32;

/** The orders of a sequence: see order.ts. */
export const ORDER_NONE = 0;
export const ORDER_SCORE = 1;
export const ORDER_ID = 2;
export const ID_BYTES = 16;

const NODE = 0;
const HEIGHT = 4;
const ORDER = 5;
const RECLAIMING = 6;
const FIRST = 8;
const LAST = 12;
const ELEMENTS = 16;
const PAGES = 20;
const GENERATION = 24;
const RUNS = 28;

/**
 * Where the generations of sequences that this thread makes begin: far from each other, so that a
 * cursor of a sequence that is gone does not suit the next one at the same place.
 */
let seed = 0;
const SEED_STEP = 0x9e3779b1;

/**
 * One thread's view of a root; `place` makes it speak of another one. The root itself may lie outside
 * of the space, in bytes that a command keeps aside; the nodes lie in it.
 */
export class SequenceRoot {
  private region: Region;
  private view: DataView;
  offset = 0;

  constructor(readonly space: Space) {
    this.region = space.region;
    this.view = space.region.view;
  }

  place(region: Region, offset: number): void {
    this.region = region;
    this.view = region.view;
    this.offset = offset;
  }

  /** Makes the bytes where it was placed the root of an empty sequence. */
  format(order: number): void {
    const { offset } = this;
    seed = (seed + SEED_STEP) | 0;
    this.region.bytes.fill(0, offset, offset + SEQUENCE_ROOT_BYTES);
    this.view.setUint8(offset + ORDER, order);
    this.view.setInt32(offset + GENERATION, seed, true);
  }

  private get(field: number): number {
    return this.view.getInt32(this.offset + field, true);
  }

  private set(field: number, value: number): void {
    this.view.setInt32(this.offset + field, value, true);
  }

  private add(field: number, delta: number): void {
    const at = this.offset + field;
    this.view.setInt32(at, this.view.getInt32(at, true) + delta, true);
  }

  /** Byte offset of the root node. */
  get node(): number {
    return this.get(NODE) << PAGE_SHIFT;
  }

  set node(offset: number) {
    this.set(NODE, offset >>> PAGE_SHIFT);
  }

  get height(): number {
    return this.view.getUint8(this.offset + HEIGHT);
  }

  set height(levels: number) {
    this.view.setUint8(this.offset + HEIGHT, levels);
  }

  get order(): number {
    return this.view.getUint8(this.offset + ORDER);
  }

  get reclaiming(): boolean {
    return this.view.getUint8(this.offset + RECLAIMING) !== 0;
  }

  set reclaiming(value: boolean) {
    this.view.setUint8(this.offset + RECLAIMING, value ? 1 : 0);
  }

  get first(): number {
    return this.get(FIRST) << PAGE_SHIFT;
  }

  set first(leaf: number) {
    this.set(FIRST, leaf >>> PAGE_SHIFT);
  }

  get last(): number {
    return this.get(LAST) << PAGE_SHIFT;
  }

  set last(leaf: number) {
    this.set(LAST, leaf >>> PAGE_SHIFT);
  }

  get elements(): number {
    return this.get(ELEMENTS);
  }

  get pages(): number {
    return this.get(PAGES);
  }

  get generation(): number {
    return this.get(GENERATION);
  }

  get runs(): number {
    return this.get(RUNS);
  }

  /** Counts elements that came or went: a new generation. */
  changed(elementsDelta: number): void {
    if (elementsDelta !== 0) this.add(ELEMENTS, elementsDelta);
    this.add(GENERATION, 1);
  }

  /** Counts pages in or out of use, here and in the space. */
  commit(pagesDelta: number): void {
    this.add(PAGES, pagesDelta);
    this.space.commit(pagesDelta);
  }

  /** @returns byte offset of a page, or 0 when the space is full */
  allocateNode(): number {
    const node = this.space.allocate(1);
    if (node !== 0) this.commit(1);
    return node;
  }

  freeNode(node: number): void {
    this.commit(-1);
    this.space.free(node, 1);
  }

  /** A run for a large element; 0 when the space is full. */
  allocateRun(pages: number): number {
    const run = this.space.allocate(pages);
    if (run === 0) return 0;
    this.add(RUNS, 1);
    this.commit(pages);
    return run;
  }

  freeRun(run: number, pages: number): void {
    this.add(RUNS, -1);
    this.trimRun(run, pages, 0);
  }

  /** Frees the pages of a run beyond its first `keep`. */
  trimRun(run: number, pages: number, keep: number): void {
    this.commit(keep - pages);
    this.space.free(run + (keep << PAGE_SHIFT), pages - keep);
  }

  /** After its last node is gone. */
  empty(): void {
    this.set(NODE, 0);
    this.set(FIRST, 0);
    this.set(LAST, 0);
    this.height = 0;
    this.reclaiming = false;
  }
}
