/**
 * The background work of one thread on its share of the shards (shard % threads === thread):
 *
 *   it removes expired keys, also those that no client asks for again;
 *   it frees what waits in the reclaim lists (reclaim-list.ts);
 *   it tidies sparse frames and gives memory back (Table.maintain).
 *
 * Redis samples keys with an expiry by chance and continues while many of them have expired. Here
 * every frame knows when the first of its keys expires (Table.scanExpired). So the cycle walks
 * through the frames in order, skips those where nothing has expired, and misses nothing.
 *
 * A step does a slice of work that the clients of the thread do not notice. It locks one shard at a
 * time, for some buckets only, and leaves a shard that is taken for the next round. While a round
 * is under way, steps follow each other so soon that they take a quarter of the time. After a round
 * there is a pause, so that no frame is scanned for every single key that expires.
 */
import { copyBytes } from '../base/region.js';
import type { Table } from '../structures/table.js';
import type { Keyspace } from './keyspace.js';
import { reclaimPending, SLICE_PAGES } from './reclaim-list.js';
import { SCAN_END } from './shards.js';

/** Upper bound of a slice, whatever the caller allows. */
const SLICE_MS = 1;
/** The rest of a slice, and one step at least, is for freeing and tidying. */
const EXPIRY_SHARE = 0.75;
const RECLAIM_SHARE = 0.9;
/** Period of the slices, in multiples of a slice's length: they take a quarter of the time. */
const PERIOD_FACTOR = 4;

export class ExpiryCycle {
  /** Whether expired keys are removed; frames are tidied in any case. */
  active = true;

  // Where expiry and tidying continue: a shard of ours, a database, a position.
  private expiryShard: number;
  private expiryDatabase = 0;
  private position = 0;
  private tidyShard: number;
  private reclaimShard: number;
  private readonly shardsOwned: number;

  /**
   * @param thread this thread's number, from 0
   * @param threads how many threads share the shards
   */
  constructor(
    readonly keys: Keyspace,
    readonly thread: number,
    readonly threads: number,
  ) {
    const count = keys.shards.count;
    this.shardsOwned = thread < count ? Math.ceil((count - thread) / threads) : 0;
    this.expiryShard = thread;
    this.tidyShard = thread;
    this.reclaimShard = thread;
  }

  /**
   * Does a slice of work, holding no lock before and after.
   *
   * @param nowMs keys that expire before this have expired
   * @param budgetMs how long it may take at most
   * @returns milliseconds from its beginning to the next slice; 0 when nothing is urgent
   */
  step(nowMs: number, budgetMs: number): number {
    const { keys } = this;
    const startMs = performance.now();
    const sliceMs = Math.min(budgetMs, SLICE_MS);
    let complete = true;
    if (this.active && keys.expiresKeys) {
      keys.now = nowMs;
      keys.writing = false;
      complete = this.expire(nowMs, startMs + sliceMs * EXPIRY_SHARE);
    }
    if (!this.reclaim(startMs + sliceMs * RECLAIM_SHARE)) complete = false;
    if (!this.tidy(startMs + sliceMs)) complete = false;
    if (complete) return 0;
    return Math.max(1, Math.ceil((performance.now() - startMs) * PERIOD_FACTOR));
  }

  private nextOwned(shard: number): number {
    const next = shard + this.threads;
    return next < this.keys.shards.count ? next : this.thread;
  }

  /** Continues the round through all our shards. @returns false: out of time */
  private expire(nowMs: number, deadlineMs: number): boolean {
    const { databases } = this.keys.shards;
    if (this.shardsOwned === 0) return true;
    do {
      while (this.expiryDatabase < databases) {
        if (!this.expireTable(nowMs, deadlineMs)) return false;
        this.position = 0;
        this.expiryDatabase++;
      }
      this.expiryDatabase = 0;
      this.expiryShard = this.nextOwned(this.expiryShard);
    } while (this.expiryShard !== this.thread);
    return true;
  }

  /** @returns false: out of time; true: at its end, or the shard is taken, or defers its expiry */
  private expireTable(nowMs: number, deadlineMs: number): boolean {
    const { shards } = this.keys;
    const shard = this.expiryShard;
    const table = shards.table(shard, this.expiryDatabase);
    // Read without the lock: a key that just got its expiry can wait.
    if (table.expiring === 0) return true;
    while (this.position < SCAN_END) {
      if (!shards.tryLock(shard)) return true;
      try {
        if (this.keys.defersExpiry(shard)) return true;
        this.position = table.scanExpired(this.position, nowMs);
        this.removeScanned(table);
      } finally {
        shards.unlock(shard);
      }
      if (performance.now() >= deadlineMs) return false;
    }
    return true;
  }

  /** Removes the entries found by the scan. Removing does not move the others. */
  private removeScanned(table: Table): void {
    const { keys } = this;
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      const length = table.keyLength;
      // Removing the key frees the run that a long key lies in, but its effect still needs the
      // bytes.
      const scratch = keys.scratch(length);
      copyBytes(scratch, 0, table.region, table.keyOffset, length);
      keys.seekKey(this.expiryDatabase, scratch, 0, length);
    }
  }

  /** Frees what waits in the shards' reclaim lists. @returns false: out of time */
  private reclaim(deadlineMs: number): boolean {
    const { shards, types } = this.keys;
    for (let visits = 0; visits < this.shardsOwned; visits++) {
      const shard = this.reclaimShard;
      const space = shards.spaces[shard]!;
      // Read without the lock: what has just come can wait.
      for (let left = reclaimPending(space) > 0; left; ) {
        if (!shards.tryLock(shard)) break;
        try {
          left = types.reclaim.step(space, SLICE_PAGES);
        } finally {
          shards.unlock(shard);
        }
        if (performance.now() >= deadlineMs) return false;
      }
      this.reclaimShard = this.nextOwned(shard);
    }
    return true;
  }

  /** Tidies frames of all shards, from where it stopped. @returns false: out of time */
  private tidy(deadlineMs: number): boolean {
    const { shards } = this.keys;
    for (let visits = 0; visits < this.shardsOwned; visits++) {
      for (let database = 0; database < shards.databases; database++) {
        const table = shards.table(this.tidyShard, database);
        // Read without the lock: what is not marked yet can wait.
        if (table.waiting > 0 && !this.tidyTable(table, deadlineMs)) return false;
      }
      this.tidyShard = this.nextOwned(this.tidyShard);
    }
    return true;
  }

  private tidyTable(table: Table, deadlineMs: number): boolean {
    const { shards } = this.keys;
    for (let waiting = 1; waiting > 0; ) {
      if (!shards.tryLock(this.tidyShard)) return true;
      try {
        waiting = table.maintain(1);
      } finally {
        shards.unlock(this.tidyShard);
      }
      if (performance.now() >= deadlineMs) return false;
    }
    return true;
  }
}
