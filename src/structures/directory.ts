/**
 * The root of a table, and its directory: frames by the top bits of the hash.
 *
 *   0      u32  reference: the directory's page, or with depth 0 the one frame (0: no frame)
 *   4      i32  depth of the directory
 *   8      i32  frames
 *   12     i32  frames as deep as the directory (each has one word in it)
 *   16     i32  frames marked for maintenance
 *   20     u32  hash position where maintenance continues
 *   24     i32  entries
 *   28     i32  entries with an expiry
 *   32     f64  live bytes: entries in logs, and keys and values in runs
 *   40     i32  pages committed: frames, runs and directory
 *   44     i32  runs in use by keys and values
 *   48          8 bytes, the owner's
 *   56     f64  a number of the owner's
 *
 * A root of zeroes is an empty table. Roots need no alignment, so that a root can lie inside an
 * entry. References to frames contain their depth and buckets (frame.ts). A directory doubles by
 * copying each word twice, in place while it fits its pages.
 */
import type { Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { FRAME_PAGES, PAGE_BYTES } from '../memory/space-layout.js';
import {
  depthOf,
  FLAG_MAINTENANCE,
  FRAME_BUCKETS,
  FRAME_CAPACITY,
  FRAME_COMMITTED,
  FRAME_DEPTH,
  FRAME_FLAGS,
  FRAME_PREFIX,
  FRAME_PROVEN,
  frameOf,
  referenceOf,
} from './frame.js';

export const ROOT_BYTES = 64;
const REFERENCE = 0;
const DEPTH = 4;
const FRAMES = 8;
const DEEPEST = 12;
const WAITING = 16;
const CURSOR = 20;
const ENTRIES = 24;
const EXPIRING = 28;
const LIVE = 32;
const PAGES = 40;
const RUNS = 44;
/** Where the owner's bytes of a root begin. A new root has zeroes there; the table leaves them. */
export const ROOT_OWNER_BYTE = 48;
const ROOT_NUMBER_BYTE = 56;

const WORDS_PER_PAGE = PAGE_BYTES / 4;

function directoryPages(depth: number): number {
  return Math.ceil(2 ** depth / WORDS_PER_PAGE);
}

export class Directory {
  readonly region: Region;
  readonly words: Int32Array;
  /** The memory in which the root lies: the space's, or a copy's. */
  view: DataView;
  private rootRegion: Region;
  root: number;

  constructor(
    readonly space: Space,
    root: number,
  ) {
    this.region = space.region;
    this.words = space.region.words;
    this.view = space.region.view;
    this.rootRegion = space.region;
    this.root = root;
  }

  /** Takes a root that may lie outside of the space: one that is being built, or was kept aside. */
  attach(root: number, region: Region): void {
    this.root = root;
    this.rootRegion = region;
    this.view = region.view;
  }

  /** The reference of the frame for this hash; 0 when the table has no frame. */
  lookup(h1: number): number {
    const root = this.root;
    const reference = this.view.getInt32(root + REFERENCE, true);
    const depth = this.view.getInt32(root + DEPTH, true);
    if (depth === 0) return reference;
    return this.words[((reference >>> 13) << 10) + (h1 >>> (32 - depth))]!;
  }

  get depth(): number {
    return this.view.getInt32(this.root + DEPTH, true);
  }

  get frames(): number {
    return this.view.getInt32(this.root + FRAMES, true);
  }

  get deepest(): number {
    return this.view.getInt32(this.root + DEEPEST, true);
  }

  get waiting(): number {
    return this.view.getInt32(this.root + WAITING, true);
  }

  get cursor(): number {
    return this.view.getInt32(this.root + CURSOR, true);
  }

  set cursor(position: number) {
    this.view.setInt32(this.root + CURSOR, position, true);
  }

  get ownerNumber(): number {
    return this.view.getFloat64(this.root + ROOT_NUMBER_BYTE, true);
  }

  set ownerNumber(value: number) {
    this.view.setFloat64(this.root + ROOT_NUMBER_BYTE, value, true);
  }

  get entries(): number {
    return this.view.getInt32(this.root + ENTRIES, true);
  }

  get expiring(): number {
    return this.view.getInt32(this.root + EXPIRING, true);
  }

  get liveBytes(): number {
    return this.view.getFloat64(this.root + LIVE, true);
  }

  get pages(): number {
    return this.view.getInt32(this.root + PAGES, true);
  }

  get runs(): number {
    return this.view.getInt32(this.root + RUNS, true);
  }

  count(entriesDelta: number, expiringDelta: number, liveDelta: number): void {
    const view = this.view;
    const root = this.root;
    if (entriesDelta !== 0) this.add(ENTRIES, entriesDelta);
    if (expiringDelta !== 0) this.add(EXPIRING, expiringDelta);
    if (liveDelta !== 0) {
      view.setFloat64(root + LIVE, view.getFloat64(root + LIVE, true) + liveDelta, true);
    }
  }

  private add(field: number, delta: number): void {
    const at = this.root + field;
    this.view.setInt32(at, this.view.getInt32(at, true) + delta, true);
  }

  /** Counts pages in or out of use, in the table and in the space. */
  commit(pagesDelta: number): void {
    this.add(PAGES, pagesDelta);
    this.space.commit(pagesDelta);
  }

  /** A run for a key or a value, committed whole; 0 when the space is full. */
  allocateRun(pages: number): number {
    const run = this.space.allocate(pages);
    if (run !== 0) {
      this.add(RUNS, 1);
      this.commit(pages);
    }
    return run;
  }

  freeRun(offset: number, pages: number): void {
    this.add(RUNS, -1);
    this.commit(-pages);
    this.space.free(offset, pages);
  }

  /** Frees the pages of a run beyond its first `keep`. */
  trimRun(offset: number, pages: number, keep: number): void {
    this.commit(keep - pages);
    this.space.free(offset + keep * PAGE_BYTES, pages - keep);
  }

  /**
   * Address space for a frame, none of its pages committed yet; 0 when the space is full.
   * @param capacityPages FRAME_PAGES, or less for the only frame of a table
   */
  allocateFrame(capacityPages = FRAME_PAGES): number {
    const frame = this.space.allocate(capacityPages);
    if (frame !== 0) {
      this.words[(frame >> 2) + FRAME_COMMITTED] = 0;
      this.words[(frame >> 2) + FRAME_CAPACITY] = capacityPages;
      this.words[(frame >> 2) + FRAME_PROVEN] = 0;
      this.add(FRAMES, 1);
    }
    return frame;
  }

  freeFrame(frame: number): void {
    const words = this.words;
    this.clearMaintenanceMark(frame);
    this.commit(-words[(frame >> 2) + FRAME_COMMITTED]!);
    this.add(FRAMES, -1);
    this.space.free(frame, words[(frame >> 2) + FRAME_CAPACITY]!);
  }

  /** Marks a frame for maintenance. */
  markForMaintenance(frame: number): void {
    const at = (frame >> 2) + FRAME_FLAGS;
    if ((this.words[at]! & FLAG_MAINTENANCE) !== 0) return;
    this.words[at]! |= FLAG_MAINTENANCE;
    this.add(WAITING, 1);
  }

  clearMaintenanceMark(frame: number): void {
    const at = (frame >> 2) + FRAME_FLAGS;
    if ((this.words[at]! & FLAG_MAINTENANCE) === 0) return;
    this.words[at]! &= ~FLAG_MAINTENANCE;
    this.add(WAITING, -1);
  }

  /**
   * Points the directory words of a frame's hash range to it, with its present depth and buckets.
   */
  publish(frame: number): void {
    const words = this.words;
    const at = frame >> 2;
    const frameDepth = words[at + FRAME_DEPTH]!;
    const reference = referenceOf(frame, frameDepth, words[at + FRAME_BUCKETS]!);
    const depth = this.depth;
    if (depth === 0) {
      this.view.setInt32(this.root + REFERENCE, reference, true);
      return;
    }
    const first = this.firstWord() + (words[at + FRAME_PREFIX]! >>> (32 - depth));
    words.fill(reference, first, first + 2 ** (depth - frameDepth));
  }

  private firstWord(): number {
    return frameOf(this.view.getInt32(this.root + REFERENCE, true)) >> 2;
  }

  /** Counts frames as deep as the directory: a split adds some, a merge removes some. */
  countDeepest(delta: number): void {
    this.add(DEEPEST, delta);
  }

  /** Doubles the directory: one hash bit more. @returns false when the space is full */
  double(): boolean {
    const { words, view, root, depth } = this;
    const pages = depth === 0 ? 0 : directoryPages(depth);
    const doubled = directoryPages(depth + 1);
    const reference = view.getInt32(root + REFERENCE, true);
    const from = this.firstWord();
    let to = from;
    if (doubled !== pages) {
      const run = this.space.allocate(doubled);
      if (run === 0) return false;
      this.commit(doubled);
      to = run >> 2;
      view.setInt32(root + REFERENCE, referenceOf(run, 0, 0), true);
    }
    for (let i = 2 ** depth - 1; i >= 0; i--) {
      const word = depth === 0 ? reference : words[from + i]!;
      words[to + 2 * i] = word;
      words[to + 2 * i + 1] = word;
    }
    if (doubled !== pages && pages !== 0) {
      this.commit(-pages);
      this.space.free(from * 4, pages);
    }
    view.setInt32(root + DEPTH, depth + 1, true);
    view.setInt32(root + DEEPEST, 0, true);
    return true;
  }

  /** Halves the directory as long as no frame needs its last hash bit. */
  halve(): void {
    const { words, view, root } = this;
    while (this.depth > 0 && this.deepest === 0) {
      const depth = this.depth - 1;
      const from = this.firstWord();
      const pages = directoryPages(depth + 1);
      let deepest = 0;
      for (let i = 0; i < 2 ** depth; i++) {
        const reference = words[from + 2 * i]!;
        words[from + i] = reference;
        if (depthOf(reference) === depth) deepest++;
      }
      const keep = depth === 0 ? 0 : directoryPages(depth);
      if (depth === 0) view.setInt32(root + REFERENCE, words[from]!, true);
      view.setInt32(root + DEPTH, depth, true);
      view.setInt32(root + DEEPEST, deepest, true);
      if (keep === pages) continue;
      this.commit(keep - pages);
      this.space.free(from * 4 + keep * PAGE_BYTES, pages - keep);
    }
  }

  /** Frees the directory and zeroes the root. The frames have been freed before. */
  release(): void {
    const depth = this.depth;
    if (depth > 0) {
      const pages = directoryPages(depth);
      this.commit(-pages);
      this.space.free(this.firstWord() * 4, pages);
    }
    this.forget();
  }

  /**
   * Zeroes the root without freeing anything; for a space that was reset. The owner's bytes stay.
   */
  forget(): void {
    this.rootRegion.bytes.fill(0, this.root, this.root + ROOT_OWNER_BYTE);
  }
}

/** The hash position (0 to 2^32) after the range of a frame. */
export function positionAfter(words: Int32Array, frame: number): number {
  const at = frame >> 2;
  return (words[at + FRAME_PREFIX]! >>> 0) + 2 ** (32 - words[at + FRAME_DEPTH]!);
}
