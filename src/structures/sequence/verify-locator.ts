/**
 * Verification of a scored set's locator, after its sequence was found right: every member has
 * exactly one entry that says where it is. As verify.ts, it never reads outside the region, and ends.
 */
import type { Space } from '../../memory/space.js';
import {
  DATA_PAGE_WORD,
  END_PAGE_WORD,
  PAGE_BYTES,
  PAGE_SHIFT,
} from '../../memory/space-layout.js';
import { HashState, hashBytes } from '../hash.js';
import { ElementView } from './element.js';
import { leafCount, nextLeaf } from './leaf.js';
import {
  BUCKET_ENTRIES,
  bucketDepth,
  bucketEntries,
  checkOf,
  Locator,
  placeOf,
} from './locator.js';
import { ORDER_SCORE, SEQUENCE_ROOT_BYTES, SequenceRoot } from './root.js';

const DEPTH_MAX = 24;

/** @returns what is wrong with the locator of the scored set at this root; '' when nothing is */
export function verifyLocator(space: Space, offset: number): string {
  const root = new SequenceRoot(space);
  root.offset = offset;
  const locator = new Locator(space);
  locator.attach(space.region, offset + SEQUENCE_ROOT_BYTES);
  if (!locator.exists) {
    if (root.height > 0) return 'missing';
    return locator.pages === 0 ? '' : `${locator.pages} pages of none`;
  }
  if (root.height === 0) return 'not needed';
  const { depth } = locator;
  if (depth < 0 || depth > DEPTH_MAX) return `depth ${depth}`;
  const directoryPages = depth === 0 ? 0 : Math.ceil(2 ** depth / (PAGE_BYTES / 4));
  if (!isData(space, locator.top, Math.max(1, directoryPages))) return 'directory out of bounds';
  const entries = new Map<string, number>();
  const buckets = new Set<number>();
  let deepest = 0;
  for (let position = 0; position < 2 ** 32; ) {
    const bucket = locator.bucketOf(position | 0);
    if (!isData(space, bucket, 1) || buckets.has(bucket)) return `bucket at ${bucket}`;
    buckets.add(bucket);
    const fault = verifyBucket(locator, bucket, position, entries);
    if (fault !== '') return fault;
    if (bucketDepth(space.words, bucket) === depth) deepest++;
    position = locator.bucketEnd(bucket, position | 0);
  }
  if (deepest !== locator.deepest) return `${deepest} deepest buckets, not ${locator.deepest}`;
  if (buckets.size + directoryPages !== locator.pages) {
    return `${buckets.size} buckets of ${locator.pages} pages`;
  }
  return verifyMembers(space, root, entries);
}

function isData(space: Space, offset: number, pages: number): boolean {
  const page = offset / PAGE_BYTES;
  return page >= space.words[DATA_PAGE_WORD]! && page + pages <= space.words[END_PAGE_WORD]!;
}

function verifyBucket(
  locator: Locator,
  bucket: number,
  position: number,
  entries: Map<string, number>,
): string {
  const { words } = locator.region;
  const depth = bucketDepth(words, bucket);
  const count = bucketEntries(words, bucket);
  if (depth < 0 || depth > locator.depth || count < 0 || count > BUCKET_ENTRIES) {
    return `bucket of ${count} entries at depth ${depth}`;
  }
  if (position % 2 ** (32 - depth) !== 0) return 'bucket not at its place';
  const span = 2 ** (locator.depth - depth);
  const first = (locator.top >> 2) + position / 2 ** (32 - locator.depth);
  for (let i = 0; i < span && locator.depth > 0; i++) {
    if (words[first + i]! << PAGE_SHIFT !== bucket) return 'directory in disorder';
  }
  let before = position;
  for (let i = 0; i < count; i++) {
    const hash = locator.hashAt(bucket, i) >>> 0;
    if (hash < before || hash >= locator.bucketEnd(bucket, position | 0))
      return 'hash out of order';
    before = hash;
    const key = `${hash} ${locator.placeAt(bucket, i)}`;
    entries.set(key, (entries.get(key) ?? 0) + 1);
  }
  return '';
}

/** Takes each member's entry out of those found; none may be missing or left. */
function verifyMembers(space: Space, root: SequenceRoot, entries: Map<string, number>): string {
  const { region } = space;
  const view = new ElementView();
  const hash = new HashState();
  for (let leaf = root.first; leaf !== 0; leaf = nextLeaf(region.words, leaf)) {
    for (let i = 0; i < leafCount(region.words, leaf); i++) {
      view.read(region, leaf, i, ORDER_SCORE);
      hashBytes(hash, region, view.offset, view.length, space.hashKey0, space.hashKey1);
      const check = checkOf(region, view.offset, view.length);
      const key = `${hash.h1 >>> 0} ${placeOf(leaf, check)}`;
      const left = (entries.get(key) ?? 0) - 1;
      if (left < 0) return 'a member without its entry';
      if (left === 0) entries.delete(key);
      else entries.set(key, left);
    }
  }
  return entries.size === 0 ? '' : `${entries.size} entries without a member`;
}
