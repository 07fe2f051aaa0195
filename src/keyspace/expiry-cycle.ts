/**
 * The background work of one thread on its share of the shards (shard % threads === thread):
 *
 *   it removes expired keys, also those that no client asks for again;
 *   it frees what waits in the reclaim lists (reclaim-list.ts);
 *   it removes expired elements of values (fields of hashes);
 *   it tidies sparse frames (Table.maintain), and gives freed pages back that nobody needs.
 *
 * Redis samples keys with an expiry by chance and continues while many of them have expired. Here
 * every frame knows when the first of its keys expires (Table.scanExpired). So the cycle walks
 * through the frames in order, skips those where nothing has expired, and misses nothing.
 *
 * Elements expire inside their values. A table knows before when none of them does (`ownerNumber` of its
 * root). When that time has come, one walk over its values finds those that have expired elements, and
 * the next such time.
 *
 * A step does a slice of work that the clients of the thread do not notice. It locks one shard at a
 * time, for some buckets only, and leaves a shard that is taken for the next round. While a round
 * is under way, steps follow each other so soon that they take a quarter of the time. After a round
 * there is a pause, so that no frame is scanned for every single key that expires.
 */
import { hasExpired } from '../base/expiry-time.js';
import { copyBytes } from '../base/region.js';
import type { Table } from '../structures/table.js';
import type { Keyspace } from './keyspace.js';
import { SLICE_PAGES, waitsForReclaim } from './reclaim-list.js';
import { SCAN_END } from './shards.js';

/** Upper bound of a slice, whatever the caller allows. */
const SLICE_MS = 1;
/** The rest of a slice, and one step at least, is for freeing and tidying. */
const EXPIRY_SHARE = 0.75;
const RECLAIM_SHARE = 0.9;
/** Period of the slices, in multiples of a slice's length: they take a quarter of the time. */
const PERIOD_FACTOR = 4;
/** Buckets that a walk looks at under one hold of the lock. */
const WALK_BUCKETS = 32;
/** Batches of expired elements that one value gives back under one hold of the lock. */
const BATCHES_MAX = 16;
/**
 * Holds of the lock for which a walk stays at one bucket. Walking the whole table again for each slice
 * of a large value would cost more than the slice; a value that is filled all the time ends it.
 */
const STAYS_MAX = 64;

/** Notes that no element of a table's values expires before this. */
function lower(table: Table, expiry: number): void {
  if (expiry < table.ownerNumber) table.ownerNumber = expiry;
}

export class ExpiryCycle {
  /** Whether expired keys are removed; frames are tidied in any case. */
  active = true;

  // Where expiry and tidying continue: a shard of ours, a database, a position.
  private expiryShard: number;
  private expiryDatabase = 0;
  private position = 0;
  /** Whether the walk over the values of the present table is under way, and where it goes on. */
  private walks = false;
  private walkPosition = 0;
  private stays = 0;
  /** Whether a walk of this round has left elements that have expired. */
  private leavesExpired = false;
  private tidyShard: number;
  private reclaimShard: number;
  private trimShard: number;
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
    this.trimShard = thread;
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
    if (complete) complete = this.trim(startMs + sliceMs);
    if (complete) return 0;
    return Math.max(1, Math.ceil((performance.now() - startMs) * PERIOD_FACTOR));
  }

  private nextOwned(shard: number): number {
    const next = shard + this.threads;
    return next < this.keys.shards.count ? next : this.thread;
  }

  /** Continues the round through all our shards. @returns false: out of time, or elements are left */
  private expire(nowMs: number, deadlineMs: number): boolean {
    const { databases } = this.keys.shards;
    if (this.shardsOwned === 0) return true;
    do {
      while (this.expiryDatabase < databases) {
        if (!this.walks && !this.expireTable(nowMs, deadlineMs)) return false;
        this.position = 0;
        if (!this.expireElements(nowMs, deadlineMs)) return false;
        this.expiryDatabase++;
      }
      this.expiryDatabase = 0;
      this.expiryShard = this.nextOwned(this.expiryShard);
    } while (this.expiryShard !== this.thread);
    const complete = !this.leavesExpired;
    this.leavesExpired = false;
    return complete;
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
      for (let left = waitsForReclaim(space); left; ) {
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

  /** Gives freed pages of our shards back that nobody needed since the last round. @returns false: out of time */
  private trim(deadlineMs: number): boolean {
    const { shards } = this.keys;
    for (let visits = 0; visits < this.shardsOwned; visits++) {
      const shard = this.trimShard;
      const space = shards.spaces[shard]!;
      this.trimShard = this.nextOwned(shard);
      if (!space.holdsUnused || !shards.tryLock(shard)) continue;
      try {
        space.trimUnused();
      } finally {
        shards.unlock(shard);
      }
      if (performance.now() >= deadlineMs) return false;
    }
    return true;
  }

  /** Walks over the values of a table that may have expired elements. @returns as expireTable */
  private expireElements(nowMs: number, deadlineMs: number): boolean {
    const { shards } = this.keys;
    const shard = this.expiryShard;
    const table = shards.table(shard, this.expiryDatabase);
    // Read without the lock: an element that just got its expiry can wait.
    if (!this.walks && !hasExpired(table.ownerNumber, nowMs)) return true;
    for (let position = this.walkPosition; position < SCAN_END; position = this.walkPosition) {
      // Another thread holds it: the walk goes on with the next slice.
      if (!shards.tryLock(shard)) return !this.walks;
      try {
        if (this.keys.defersExpiry(shard)) {
          this.giveUpWalk(table, nowMs);
          return true;
        }
        if (position === 0) table.ownerNumber = Number.POSITIVE_INFINITY;
        this.walks = true;
        this.walkPosition = this.walkBuckets(table, nowMs, deadlineMs);
      } finally {
        shards.unlock(shard);
      }
      if (performance.now() >= deadlineMs && this.walkPosition < SCAN_END) return false;
    }
    this.walks = false;
    this.walkPosition = 0;
    return true;
  }

  /** Leaves the rest of a walk to a later one, which begins anew. */
  private giveUpWalk(table: Table, nowMs: number): void {
    if (this.walks) lower(table, nowMs);
    this.walks = false;
    this.walkPosition = 0;
    this.stays = 0;
  }

  /** @returns where the walk goes on: after some buckets, or still at one; SCAN_END at the end */
  private walkBuckets(table: Table, nowMs: number, deadlineMs: number): number {
    let position = this.walkPosition;
    for (let i = 0; i < WALK_BUCKETS && position < SCAN_END; i++) {
      const next = table.scan(position);
      if (!this.expireElementsOfBucket(table, nowMs, deadlineMs)) {
        if (this.stays++ < STAYS_MAX) return position;
        lower(table, nowMs - 1);
        this.leavesExpired = true;
      }
      this.stays = 0;
      position = next;
      if (performance.now() >= deadlineMs) break;
    }
    return position;
  }

  /** Goes through the values that the table scanned. @returns false: some have more that has expired */
  private expireElementsOfBucket(table: Table, nowMs: number, deadlineMs: number): boolean {
    const { types } = this.keys;
    const { scanCount } = table;
    let complete = true;
    for (let i = 0; i < scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      if (!types.hasExpiringElements(table.kind)) continue;
      const earliest = types.elementExpiry(table.kind).earliest(table);
      if (!hasExpired(earliest, nowMs)) lower(table, earliest);
      else if (!this.expireElementsOf(table, deadlineMs)) complete = false;
    }
    return complete;
  }

  /**
   * Removes expired elements of the value that the table describes: a batch, and more as long as there
   * is time. @returns false: more have expired
   */
  private expireElementsOf(table: Table, deadlineMs: number): boolean {
    const { keys } = this;
    const length = table.keyLength;
    const scratch = keys.scratch(length);
    copyBytes(scratch, 0, table.region, table.keyOffset, length);
    for (let batch = 0; batch < BATCHES_MAX; batch++) {
      const isThere = keys.seekKey(this.expiryDatabase, scratch, 0, length);
      if (!isThere || !keys.expireElements()) return true;
      const earliest = keys.types.elementExpiry(keys.kind).earliest(keys);
      if (!hasExpired(earliest, keys.now)) {
        lower(table, earliest);
        return true;
      }
      if (performance.now() >= deadlineMs) return false;
    }
    return false;
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
      const tracked = shards.tracked(this.tidyShard);
      if (tracked.waiting > 0 && !this.tidyTable(tracked, deadlineMs)) return false;
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
