/**
 * WATCH, exact and free while nobody watches: each shard has a small open-addressing table of the
 * keys being watched in it, which writes consult only when it is not empty.
 *
 *   entry, 8 words:  h1 | h2 | database | references (0 = empty) | version | exists | - | -
 *
 * A client remembers the version it saw; a write to the key gives its entry a new one. Keys are
 * told apart by their 64-bit keyed hash. All functions run under the shard's lock.
 */
import { PAGE_BYTES } from '../base/limits.js';
import type { Space } from '../memory/space.js';
import {
  WORD_WATCH_PAGES,
  WORD_WATCH_RUN,
  WORD_WATCH_VERSION,
  WORD_WATCHED,
} from './shard-words.js';

const ENTRY_WORDS = 8;
const H1 = 0;
const H2 = 1;
const DATABASE = 2;
const REFERENCES = 3;
const VERSION = 4;
const EXISTS = 5;

const ENTRIES_PER_PAGE = PAGE_BYTES / (ENTRY_WORDS * 4);

/** Word index of the entry for a key, or of the empty place where it would go. */
function locate(space: Space, h1: number, h2: number, database: number): number {
  const words = space.region.words;
  const base = words[WORD_WATCH_RUN]! >>> 2;
  const capacity = words[WORD_WATCH_PAGES]! * ENTRIES_PER_PAGE;
  let index = h1 & (capacity - 1);
  for (;;) {
    const at = base + index * ENTRY_WORDS;
    if (words[at + REFERENCES] === 0) return at;
    if (words[at + H1] === h1 && words[at + H2] === h2 && words[at + DATABASE] === database) {
      return at;
    }
    index = (index + 1) & (capacity - 1);
  }
}

/** Makes room so that at least half of the table stays empty. False when the space is full. */
function reserve(space: Space): boolean {
  const words = space.region.words;
  const pages = words[WORD_WATCH_PAGES]!;
  if (words[WORD_WATCHED]! * 2 < pages * ENTRIES_PER_PAGE) return true;
  const newPages = pages === 0 ? 1 : pages * 2;
  const run = space.allocate(newPages);
  if (run <= 0) return false;
  space.commit(newPages - pages);
  const oldRun = words[WORD_WATCH_RUN]!;
  words.fill(0, run >>> 2, (run + newPages * PAGE_BYTES) >>> 2);
  words[WORD_WATCH_RUN] = run;
  words[WORD_WATCH_PAGES] = newPages;
  for (let i = 0; i < pages * ENTRIES_PER_PAGE; i++) {
    const from = (oldRun >>> 2) + i * ENTRY_WORDS;
    if (words[from + REFERENCES] === 0) continue;
    const to = locate(space, words[from + H1]!, words[from + H2]!, words[from + DATABASE]!);
    words.copyWithin(to, from, from + ENTRY_WORDS);
  }
  if (pages > 0) space.free(oldRun, pages);
  return true;
}

/**
 * Starts watching a key.
 *
 * @returns the key's current version, or -1 when there is no room
 */
export function watch(
  space: Space,
  h1: number,
  h2: number,
  database: number,
  exists: boolean,
): number {
  if (!reserve(space)) return -1;
  const words = space.region.words;
  const at = locate(space, h1, h2, database);
  if (words[at + REFERENCES] === 0) {
    words[at + H1] = h1;
    words[at + H2] = h2;
    words[at + DATABASE] = database;
    words[at + VERSION] = nextVersion(words);
    words[at + EXISTS] = exists ? 1 : 0;
    words[WORD_WATCHED]! += 1;
  }
  words[at + REFERENCES]! += 1;
  return words[at + VERSION]!;
}

function nextVersion(words: Int32Array): number {
  const version = (words[WORD_WATCH_VERSION]! + 1) & 0x7fffffff;
  words[WORD_WATCH_VERSION] = version;
  return version;
}

/** The current version of a key being watched. */
export function watchedVersion(space: Space, h1: number, h2: number, database: number): number {
  return space.region.words[locate(space, h1, h2, database) + VERSION]!;
}

/** Ends one client's watching of a key. */
export function unwatch(space: Space, h1: number, h2: number, database: number): void {
  const words = space.region.words;
  const at = locate(space, h1, h2, database);
  if (words[at + REFERENCES] === 0) return;
  words[at + REFERENCES]! -= 1;
  if (words[at + REFERENCES]! > 0) return;
  words[WORD_WATCHED]! -= 1;
  if (words[WORD_WATCHED] === 0 && words[WORD_WATCH_PAGES]! > 1) release(space);
  else closeGap(space, at);
}

/** Gives a table back that has grown and is empty. One of a page stays for the next client. */
function release(space: Space): void {
  const words = space.region.words;
  space.free(words[WORD_WATCH_RUN]!, words[WORD_WATCH_PAGES]!);
  space.commit(-words[WORD_WATCH_PAGES]!);
  words[WORD_WATCH_RUN] = 0;
  words[WORD_WATCH_PAGES] = 0;
}

/** Backward-shift deletion: moves later entries of the probe run into the place just emptied. */
function closeGap(space: Space, gapAt: number): void {
  const words = space.region.words;
  const base = words[WORD_WATCH_RUN]! >>> 2;
  const mask = words[WORD_WATCH_PAGES]! * ENTRIES_PER_PAGE - 1;
  let gap = (gapAt - base) / ENTRY_WORDS;
  let index = (gap + 1) & mask;
  for (;;) {
    const at = base + index * ENTRY_WORDS;
    if (words[at + REFERENCES] === 0) break;
    const home = words[at + H1]! & mask;
    if (((index - home) & mask) >= ((index - gap) & mask)) {
      words.copyWithin(base + gap * ENTRY_WORDS, at, at + ENTRY_WORDS);
      words[at + REFERENCES] = 0;
      gap = index;
    }
    index = (index + 1) & mask;
  }
  words[base + gap * ENTRY_WORDS + REFERENCES] = 0;
}

/**
 * A key changed. Only worth calling while the shard's count of watched keys is not 0. One that was missed and
 * is still missed has not: what goes is an expired key, which SWAPDB or a primary brought.
 */
export function touchWatched(
  space: Space,
  h1: number,
  h2: number,
  database: number,
  exists: boolean,
): void {
  const words = space.region.words;
  const at = locate(space, h1, h2, database);
  if (words[at + REFERENCES] === 0 || (!exists && words[at + EXISTS] === 0)) return;
  words[at + VERSION] = nextVersion(words);
  words[at + EXISTS] = exists ? 1 : 0;
}

/**
 * A whole database was emptied, or gets the content of another: keys being watched that existed in
 * it, or do so from now on, have changed.
 *
 * @param exists whether the key with this hash exists from now on
 */
export function touchAllWatched(
  space: Space,
  database: number,
  exists: (h1: number, h2: number) => boolean,
): void {
  const words = space.region.words;
  if (words[WORD_WATCHED] === 0) return;
  const base = words[WORD_WATCH_RUN]! >>> 2;
  const capacity = words[WORD_WATCH_PAGES]! * ENTRIES_PER_PAGE;
  for (let i = 0; i < capacity; i++) {
    const at = base + i * ENTRY_WORDS;
    if (words[at + REFERENCES] === 0 || words[at + DATABASE] !== database) continue;
    const now = exists(words[at + H1]!, words[at + H2]!);
    if (!now && words[at + EXISTS] === 0) continue;
    words[at + VERSION] = nextVersion(words);
    words[at + EXISTS] = now ? 1 : 0;
  }
}
