/**
 * Which clients have read which key for a cache of their own, and are to be told when it changes. Each
 * shard has one more table for it, as those of its databases; a key counts there whatever the database,
 * as in Redis. Its value is an item of 8 bytes for each client:
 *
 *     0  u32 client id, low | 4  u16 client id, high | 6  u16 thread that serves the client
 *
 * A client that has gone leaves its items, until the key changes or nobody tracks. All functions run
 * under the shard's lock, so a key that is read is tracked before anybody can change it. Two words of
 * the shard count keys and items: a writer tests one of them and, while it is 0, does nothing else.
 */
import { randomBits } from '../base/random.js';
import type { Region } from '../base/region.js';
import { HashState } from '../structures/hash.js';
import type { Table } from '../structures/table.js';
import { WORD_FORGOTTEN, WORD_TRACKED, WORD_TRACKED_ITEMS } from './shard-words.js';
import type { Shards } from './shards.js';

export const ITEM_BYTES = 8;
const ITEM_HIGH = 4;
const ITEM_THREAD = 6;
const LOW = 2 ** 32;
const KIND = 0;

/** What `track` found. */
export const TRACKED = 0;
export const TRACKED_NEW_KEY = 1;
/** The shard has no room: the client must not keep the key. */
export const NOT_TRACKED = 2;

const hash = new HashState();

/** Notes that a client has read a key. @returns one of the above */
export function track(
  shards: Shards,
  shard: number,
  key: { readonly region: Region; readonly offset: number; readonly length: number },
  client: { readonly id: number; readonly thread: number },
): number {
  shards.assertLocked(shard);
  const { region, offset, length } = key;
  const table = shards.tracked(shard);
  shards.keyHash.hash(hash, region, offset, length);
  const isKnown = table.find(region, offset, length, hash.h1, hash.h2);
  if (isKnown && hasItem(table, client.id)) return TRACKED;
  const before = isKnown ? table.valueLength : 0;
  const at = isKnown ? table.resize(before + ITEM_BYTES) : table.put(KIND, ITEM_BYTES, 0);
  if (at < 0) return NOT_TRACKED;
  writeItem(table.region, at + before, client.id, client.thread);
  const { words } = table.region;
  words[WORD_TRACKED_ITEMS]! += 1;
  if (isKnown) return TRACKED;
  words[WORD_TRACKED]! += 1;
  return TRACKED_NEW_KEY;
}

export function writeItem({ view }: Region, at: number, id: number, thread: number): void {
  view.setUint32(at, id % LOW, true);
  view.setUint16(at + ITEM_HIGH, Math.floor(id / LOW), true);
  view.setUint16(at + ITEM_THREAD, thread, true);
}

/** The newest item is the likeliest. */
function hasItem({ region, valueOffset, valueLength }: Table, id: number): boolean {
  for (let at = valueOffset + valueLength - ITEM_BYTES; at >= valueOffset; at -= ITEM_BYTES) {
    if (itemClient(region, at) === id) return true;
  }
  return false;
}

export function itemClient({ view }: Region, at: number): number {
  return view.getUint32(at, true) + view.getUint16(at + ITEM_HIGH, true) * LOW;
}

export function itemThread({ view }: Region, at: number): number {
  return view.getUint16(at + ITEM_THREAD, true);
}

/** Forgets the key that the shard's table has found. Its items are to be read before. */
export function forgetFound(table: Table): void {
  const { words } = table.region;
  words[WORD_TRACKED]! -= 1;
  words[WORD_TRACKED_ITEMS]! -= table.valueLength / ITEM_BYTES;
  table.remove();
}

/** Finds a key by chance. @returns false when none is tracked; else the table describes it */
export function findRandom(shards: Shards, shard: number): boolean {
  shards.assertLocked(shard);
  const table = shards.tracked(shard);
  const entry = table.random(randomBits);
  if (entry === 0) return false;
  table.decode(entry);
  const { region, keyOffset, keyLength } = table;
  shards.keyHash.hash(hash, region, keyOffset, keyLength);
  return table.find(region, keyOffset, keyLength, hash.h1, hash.h2);
}

/** Forgets all keys of a shard. */
export function forgetShard(shards: Shards, shard: number): void {
  shards.assertLocked(shard);
  const { words } = shards.spaces[shard]!.region;
  words[WORD_TRACKED] = 0;
  words[WORD_TRACKED_ITEMS] = 0;
  shards.tracked(shard).clear();
}

/**
 * The same where the content of a shard is replaced by other means than commands. The threads notice
 * the word that grows, and tell their clients.
 */
export function forgetUnannounced(shards: Shards, shard: number): void {
  forgetShard(shards, shard);
  const { words } = shards.spaces[shard]!.region;
  words[WORD_FORGOTTEN] = (words[WORD_FORGOTTEN]! + 1) | 0;
}
