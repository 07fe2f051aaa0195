/**
 * Nested tables: a table whose root is the value of an entry. Hashes and sets that are too large to be
 * packed are such tables; so is whatever maps bytes to bytes inside one key.
 *
 * A nested table is an ordinary Table (table.ts) with all that one can: put, find, scan by hash
 * position, random, an expiry per entry. A thread keeps one Table for them and attaches it to the root
 * that a command found; attaching allocates nothing. The root (ROOT_BYTES, all zero: empty) may lie
 * anywhere and moves with its frame when the outer table changes, so a view is attached after every
 * change of the outer table, and for each command anew. Changes of the nested table never move it.
 * While a table is built, or freed after something took its place, its root lies in the caller's memory.
 *
 * What one costs, in pages: one frame with 4 KiB per 160 members of 16 bytes (a set) or 95 pairs of 16
 * and 16 bytes (a hash); 24.4 and 41.5 bytes an element from 500 on. The only frame of a small table
 * takes half as much address space again at most, so that 2 GiB have room for 250,000 tables of 5 KiB.
 * What is smaller than 4 KiB stays packed all the same, however long its elements are.
 *
 * Below is how a table of any size is freed in bounded steps.
 */
import type { Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { Directory, positionAfter } from './directory.js';
import { ENTRY_KEY_RUN, Entry, pagesFor } from './entry.js';
import {
  FRAME_BUCKETS,
  FRAME_COMMITTED,
  FRAME_ENTRIES,
  FRAME_EXPIRING,
  FRAME_LIVE,
  frameOf,
  SLOTS,
} from './frame.js';
import { bucketOffset, clearSlot, fingerprintAt, referenceAt } from './slots.js';

const POSITIONS = 2 ** 32;
/** Looking at a frame costs about as much as freeing this many pages. */
const FRAME_COST_PAGES = 1;

/** Who frees what the values of a table own. */
export interface OwnedValues {
  /** Bit k is set when values of kind k own pages. */
  readonly kinds: number;
  /** Frees the pages of a value in the space, or takes it over. */
  free(kind: number, offset: number, length: number): void;
}

/** Frees tables in steps. One for each thread; what is done so far is in the root of the table. */
export class TableReclaim {
  private readonly directory: Directory;
  private readonly entry = new Entry();
  private readonly owningKinds: number;

  constructor(
    private readonly space: Space,
    private readonly owned: OwnedValues | null = null,
  ) {
    this.directory = new Directory(space, 0);
    this.owningKinds = owned?.kinds ?? 0;
  }

  /** The entries that a table has, or that are left of it. */
  entries(root: number): number {
    this.directory.attach(root, this.space.region);
    return this.directory.entries;
  }

  /**
   * Frees about `budgetPages` pages of the table at this root, one at least. From the first step on
   * the table is for nothing else; what is left of it is counted as used.
   * @param region where the root lies: the space, or memory of the caller's
   * @returns true when nothing is left: the root is that of an empty table
   */
  step(root: number, budgetPages: number, region: Region = this.space.region): boolean {
    const { directory } = this;
    directory.attach(root, region);
    const { words } = directory;
    let position = directory.cursor >>> 0;
    // Freeing begins where maintenance would go on, and ends when it has gone round.
    for (let left = Math.max(1, budgetPages); directory.frames > 0 && left > 0; ) {
      const frame = frameOf(directory.lookup(position | 0));
      if (directory.runs > 0 || this.owningKinds !== 0) left = this.freeRuns(frame, left);
      if (left <= 0) break;
      const at = frame >> 2;
      left -= words[at + FRAME_COMMITTED]! + FRAME_COST_PAGES;
      directory.count(
        -words[at + FRAME_ENTRIES]!,
        -words[at + FRAME_EXPIRING]!,
        -words[at + FRAME_LIVE]!,
      );
      position = positionAfter(words, frame) % POSITIONS;
      directory.freeFrame(frame);
    }
    directory.cursor = position | 0;
    if (directory.frames > 0) return false;
    directory.release();
    return true;
  }

  /** Frees a table at once, whatever that takes. */
  freeWhole(root: number, region: Region = this.space.region): void {
    while (!this.step(root, Number.MAX_SAFE_INTEGER, region));
  }

  /**
   * Removes the entries of a frame that have runs or own pages, while the budget lasts.
   * @returns what is left of the budget: more than 0 when none of them is left
   */
  private freeRuns(frame: number, budgetPages: number): number {
    const { directory, entry } = this;
    const { region, words } = directory;
    const buckets = words[(frame >> 2) + FRAME_BUCKETS]!;
    let left = budgetPages;
    for (let i = 0; i <= buckets; i++) {
      const bucket = bucketOffset(frame, i);
      for (let slot = 0; slot < SLOTS; slot++) {
        if (fingerprintAt(region.bytes, bucket, slot) === 0) continue;
        entry.decode(region, frame + referenceAt(region.view, bucket, slot));
        const owns = ((this.owningKinds >>> entry.kind) & 1) !== 0;
        if ((entry.flags & ENTRY_KEY_RUN) === 0 && entry.valuePages === 0 && !owns) continue;
        if (left <= 0) return 0;
        if (owns) left -= this.freeOwned();
        left -= this.freeRunsOfEntry(Math.max(1, left));
        if (entry.valuePages > 0) return 0;
        clearSlot(words, region.bytes, bucket, slot);
        this.uncount(frame);
      }
    }
    return left;
  }

  /** Has the pages of the decoded entry's value freed. @returns how many that were, one at least */
  private freeOwned(): number {
    const { entry, space } = this;
    const before = space.residentPages;
    this.owned!.free(entry.kind, entry.valueOffset, entry.valueLength);
    return Math.max(1, before - space.residentPages);
  }

  /**
   * Frees the runs of the decoded entry; of a value that is larger than the budget only the end.
   * `valuePages` is then what is left of it.
   * @returns how many pages were freed
   */
  private freeRunsOfEntry(budgetPages: number): number {
    const { directory, entry } = this;
    const pages = entry.valuePages;
    if (pages > budgetPages) {
      const keep = pages - budgetPages;
      directory.trimRun(entry.valueOffset, pages, keep);
      entry.valuePages = keep;
      const reference = entry.offset + entry.header + entry.keyPart;
      directory.region.view.setInt32(reference + 4, keep, true);
      return budgetPages;
    }
    if (pages > 0) directory.freeRun(entry.valueOffset, pages);
    entry.valuePages = 0;
    if ((entry.flags & ENTRY_KEY_RUN) === 0) return pages;
    // A key has 512 MiB at most, as a value has, but in practice a page: it is freed at once.
    const keyPages = pagesFor(entry.keyLength);
    directory.freeRun(entry.keyOffset, keyPages);
    return pages + keyPages;
  }

  /** Takes the decoded entry out of all counts. */
  private uncount(frame: number): void {
    const { directory, entry } = this;
    const { words } = directory;
    const at = frame >> 2;
    const keyBytes = (entry.flags & ENTRY_KEY_RUN) !== 0 ? entry.keyLength : 0;
    const valueBytes =
      entry.valueOffset !== entry.offset + entry.header + entry.keyPart ? entry.valueLength : 0;
    words[at + FRAME_ENTRIES]!--;
    words[at + FRAME_LIVE]! -= entry.size;
    if (entry.expiry > 0) words[at + FRAME_EXPIRING]!--;
    directory.count(-1, entry.expiry > 0 ? -1 : 0, -entry.size - keyBytes - valueBytes);
  }
}
