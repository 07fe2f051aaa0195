/**
 * Keys that clients have in caches of their own, and that have changed: noted by the door for writes
 * under the shard's lock, told by the engine when the command is over and its locks are given back.
 *
 *   tracked keys    `pending`: for each key that somebody has read
 *                     f64 client that changed it, 0 for none | u32 bytes of the items |
 *                     u32 bytes of the key | items (tracked-keys.ts) | key
 *                   Without items: all keys were forgotten, so that every client drops its cache.
 *   prefixes        `batches`, by thread with a client that wants every key with such a beginning
 *                     f64 client that changed it, 0 for none | u32 bytes of the key | key
 *
 * A key that is noted is tracked no more: its clients read it again before they keep it again.
 */
import { ByteQueue } from '../base/byte-queue.js';
import type { Region } from '../base/region.js';
import type { Table } from '../structures/table.js';
import { WORD_TRACKED } from './shard-words.js';
import type { Shards } from './shards.js';
import { findRandom, forgetFound, forgetShard, ITEM_BYTES, writeItem } from './tracked-keys.js';
import type { TrackedPrefixes } from './tracked-prefixes.js';

export const PENDING_HEADER_BYTES = 16;
export const BATCH_HEADER_BYTES = 12;

/** A key that has changed. Its shard is locked. */
interface ChangedKey {
  readonly shards: Shards;
  readonly shard: number;
  readonly h1: number;
  readonly h2: number;
  readonly keyRegion: Region;
  readonly keyOffset: number;
  readonly keyLength: number;
}

export class Invalidations {
  readonly pending = new ByteQueue();
  readonly batches: (ByteQueue | undefined)[] = [];
  /** Bytes in all of them. */
  batchedBytes = 0;
  /** Whether the last record says that all keys were forgotten. */
  private isFlushed = false;
  /** Set in server/ wiring. Without it there are no such clients. */
  prefixes: TrackedPrefixes | null = null;
  /** The client whose command is under way. */
  currentClient: () => number = () => 0;
  /** Whether a script changes the key: whoever wants prefixes hears of it, as no client knows its keys. */
  byScript: () => boolean = () => false;
  /** False for a change that no client has made: a key has expired. */
  byClient = true;

  get isPending(): boolean {
    return this.pending.used > 0;
  }

  /** Whether a client wants to hear of keys with some beginning, whoever has read them. */
  get hasPrefixes(): boolean {
    return this.prefixes?.areUsed === true;
  }

  note(key: ChangedKey): void {
    const { shards, shard, keyRegion, keyOffset, keyLength } = key;
    if (this.hasPrefixes) this.noteForPrefixes(keyRegion, keyOffset, keyLength);
    if (shards.spaces[shard]!.region.words[WORD_TRACKED] === 0) return;
    const table = shards.tracked(shard);
    if (!table.find(keyRegion, keyOffset, keyLength, key.h1, key.h2)) return;
    this.takeFound(table, this.author);
  }

  /** Whose change it is. A client may not want to hear of its own. */
  private get author(): number {
    return this.byClient ? this.currentClient() : 0;
  }

  /** Forgets a tracked key by chance, as there are too many. @returns false when the shard has none */
  evict(shards: Shards, shard: number): boolean {
    if (!findRandom(shards, shard)) return false;
    this.takeFound(shards.tracked(shard), 0);
    return true;
  }

  /** There is no room to track what a client has read: it is told at once, so that it keeps nothing. */
  refuse(
    key: { readonly region: Region; readonly offset: number; readonly length: number },
    client: { readonly id: number; readonly thread: number },
  ): void {
    const { pending } = this;
    this.isFlushed = false;
    pending.appendNumber(0);
    pending.appendWord(ITEM_BYTES);
    pending.appendWord(key.length);
    const at = pending.used;
    pending.appendNumber(0);
    writeItem(pending.region, at, client.id, client.thread);
    pending.append(key.region, key.offset, key.length);
  }

  private takeFound(table: Table, author: number): void {
    const { pending } = this;
    this.isFlushed = false;
    pending.appendNumber(author);
    pending.appendWord(table.valueLength);
    pending.appendWord(table.keyLength);
    pending.append(table.region, table.valueOffset, table.valueLength);
    pending.append(table.region, table.keyOffset, table.keyLength);
    forgetFound(table);
  }

  private noteForPrefixes(region: Region, offset: number, length: number): void {
    const threads = this.prefixes!.threadsOf(region, offset, length);
    const author = this.byScript() ? 0 : this.author;
    for (let thread = 0; thread < threads.length; thread++) {
      if (threads[thread] === 0) continue;
      this.batches[thread] ??= new ByteQueue();
      const batch = this.batches[thread]!;
      batch.appendNumber(author);
      batch.appendWord(length);
      batch.append(region, offset, length);
      this.batchedBytes += BATCH_HEADER_BYTES + length;
    }
  }

  /** A database of the shard was emptied, or has got the content of another. */
  forgetAll(shards: Shards, shard: number): void {
    if (!this.isFlushed) {
      this.isFlushed = true;
      this.pending.appendNumber(0);
      this.pending.appendWord(0);
      this.pending.appendWord(0);
    }
    // Also without keys: a table keeps pages when its last key is taken out.
    if (shards.tracked(shard).allocatedPages > 0) forgetShard(shards, shard);
  }

  /** All has been told but for the batches. */
  clearPending(): void {
    this.pending.clear();
    this.isFlushed = false;
  }
}
