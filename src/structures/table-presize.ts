/**
 * Gives a table the frames that it will have, before it is filled. A table that grows by itself moves
 * each entry twice: every doubling splits all frames, and between two of them their buckets are added.
 *
 * What was expected need not come: `settle` marks the frames that have stayed sparse, for maintenance to
 * merge them, and those with buckets for more and shorter entries. Both under the shard's lock.
 */
import { FRAME_BYTES, FRAME_PAGES } from '../memory/space-layout.js';
import { Directory, positionAfter } from './directory.js';
import {
  bucketsFor,
  DEPTH_MAX,
  FRAME_BUCKETS,
  FRAME_CAPACITY,
  FRAME_DEPTH,
  FRAME_ENTRIES,
  FRAME_LIVE,
  frameOf,
  logStart,
} from './frame.js';
import { createFirstFrame, rebuild, split } from './frame-maintenance.js';
import { moveFrame } from './frame-rewrite.js';
import type { Table } from './table.js';

/** What an entry has of its bucket, about: 64 bytes for 20 slots, of which 92 % are in use. */
export const ENTRY_OVERHEAD_BYTES = 3.5;
/** A frame with less than this is sparse. */
const SPARSE_BYTES = FRAME_BYTES / 4;
const POSITIONS = 2 ** 32;
/** Of the space, frames that may stay sparse take this part at most. */
const ROOM_LEFT = 4;

/**
 * @param table with few entries, or none
 * @param entries how many are expected
 * @param entryBytes about what each takes, at least
 */
export function presize(table: Table, entries: number, entryBytes: number): void {
  const { space, root } = table;
  const directory = new Directory(space, root);
  const depth = depthFor(entries, entryBytes);
  if (depth <= directory.depth || 2 ** depth * FRAME_PAGES > space.freePages / ROOM_LEFT) return;
  if (directory.frames === 0 && !createFirstFrame(directory)) return;
  const share = Math.floor(entries / 2 ** depth);
  const buckets = bucketsFor(share, share * entryBytes);
  for (let position = 0; position < POSITIONS; ) {
    const frame = frameFor(directory, position, depth);
    if (frame === 0) return;
    rebuild(directory, frame, buckets);
    position = positionAfter(space.words, frame);
  }
}

/** How often the range of hashes has to be halved until entries of a half fit into a frame. */
function depthFor(entries: number, entryBytes: number): number {
  const bytes = entries * (entryBytes + ENTRY_OVERHEAD_BYTES);
  const frames = bytes / (FRAME_BYTES - logStart(0));
  return frames <= 1 ? 0 : Math.min(DEPTH_MAX, Math.ceil(Math.log2(frames)));
}

/** The frame at a position, which is split until it is so deep. 0: there is no room */
function frameFor(directory: Directory, position: number, depth: number): number {
  const { words } = directory;
  for (;;) {
    const frame = frameOf(directory.lookup(position | 0));
    const at = frame >> 2;
    if (words[at + FRAME_DEPTH]! >= depth) return frame;
    if (words[at + FRAME_CAPACITY]! < FRAME_PAGES) {
      if (!moveFrame(directory, frame, FRAME_PAGES)) return 0;
    } else if (!split(directory, frame)) return 0;
  }
}

/** After a table was filled that `presize` has prepared. */
export function settle(table: Table): void {
  const directory = new Directory(table.space, table.root);
  if (directory.frames < 2) return;
  const { words } = directory;
  for (let position = 0; position < POSITIONS; ) {
    const frame = frameOf(directory.lookup(position | 0));
    const head = frame >> 2;
    const live = words[head + FRAME_LIVE]!;
    const suited = bucketsFor(words[head + FRAME_ENTRIES]!, live);
    const isSpare = words[head + FRAME_BUCKETS]! > 2 * suited;
    if (live < SPARSE_BYTES || isSpare) directory.markForMaintenance(frame);
    position = positionAfter(words, frame);
  }
}
