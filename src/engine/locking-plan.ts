/**
 * The locking plan of the command under way: which shards it needs and which of them it writes to,
 * whatever kind of command it is. It goes through the same steps every time:
 *
 *     plan (add ...) → take ──▶ run ───────────────────────────────────────▶ release, in a `finally`
 *                        │ BUSY      a shard is taken, by another thread       ▲
 *                        │           or the keys' hashes are stale             │
 *                        └ DEFERRED  back-pressure: a replica lags ───────────┘
 *
 * The most frequent plan, a single key, has one lock and no marks: `takeOne`. A client whose shards
 * stay taken is answered BUSY, so that its thread serves others. After several BUSY it sleeps until
 * it has its locks; once such a sleep has failed, no other client of the thread sleeps in the same
 * turn.
 *
 * The plan is made before there is a lock. If a full sync changes the hash key before the locks are
 * held (keyspace/key-hash.ts), they may be those of other shards: the answer is BUSY too, and the
 * command starts over with new hashes. No lock is taken between planning and taking.
 */
import { BUSY, DEFERRED, DONE } from '../base/outcome.js';
import type { Shards } from '../keyspace/shards.js';
import { ShardSet } from './shard-set.js';

/**
 * How long a command spins for locks (about 5 ns a spin), until one wait of the turn has failed.
 */
const PATIENCE_SPINS = 600;
/** Factor for several shards: their holders run longer commands. */
const SET_PATIENCE = 8;
/** How often a client is answered BUSY before its command sleeps until it has its locks. */
const BUSY_IN_ROW_MAX = 8;
/**
 * Longest such sleep. The thread's other clients, and threads that ask it something, wait
 * meanwhile.
 */
const SLEEP_MS_MAX = 10;
const NONE = -1;
/** For `take`: the command writes nothing. */
export const WRITES_NOTHING = -1;

/** Back-pressure: whether a write to a shard has to wait because a replica lags. */
export interface WritePressure {
  /**
   * @param bytes of the command, or of a transaction's commands
   * @param sinceMs when the client was first put off for this command, 0 when it was not
   */
  mustWait(shard: number, bytes: number, sinceMs: number, nowMs: number): boolean;
}

/** What is remembered of a client from one try of a command to the next. */
export interface LockClient {
  /** Answers BUSY since it last got several locks together, or slept for a single one. */
  busyInRow: number;
  /** When back-pressure first put off the client's write; 0 when it does not. */
  putOffSinceMs: number;
}

export class LockingPlan {
  /** Set while writes go to a journal. */
  pressure: WritePressure | null = null;
  /**
   * The command under way is waiting for a shard, and the thread serves other threads' questions.
   */
  isWaiting = false;
  private readonly wanted: ShardSet;
  private readonly written: ShardSet;
  /** The shard that is locked alone. */
  private single = NONE;
  /** Shards locked besides the plan, for a client that is served. */
  private readonly borrowed: number[] = [];
  private nowMs = 0;
  /**
   * Of this turn: how long to spin for locks, and whether a command's sleep for them has failed.
   */
  private patience = PATIENCE_SPINS;
  private sleptInVain = false;

  /** @param waiting called every few milliseconds while a command waits with no lock held */
  constructor(
    private readonly shards: Shards,
    private readonly waiting: () => void,
  ) {
    this.wanted = new ShardSet(shards);
    this.written = new ShardSet(shards);
  }

  beginTurn(nowMs: number): void {
    this.nowMs = nowMs;
    this.patience = PATIENCE_SPINS;
    this.sleptInVain = false;
  }

  // The plan.

  get isEmpty(): boolean {
    return this.wanted.size === 0;
  }

  add(shard: number, isWritten: boolean): void {
    this.wanted.add(shard);
    if (isWritten) this.written.add(shard);
  }

  addAll(isWritten: boolean): void {
    this.wanted.addAll();
    if (isWritten) this.written.addAll();
  }

  /** Whether the plan is this one shard. */
  isOnly(shard: number): boolean {
    return this.wanted.size === 1 && this.wanted.has(shard);
  }

  // Locks.

  /**
   * Takes the lock of a plan that is one shard.
   * @param bytes of the command when it writes to the shard, else WRITES_NOTHING
   * @returns DONE, BUSY or DEFERRED: the command may run only after DONE. `release` follows always.
   */
  takeOne(client: LockClient, shard: number, bytes: number): number {
    const { shards } = this;
    const { epoch } = shards.keyHash;
    if (!shards.tryLock(shard, this.patience) && !this.sleepForOne(client, shard)) return BUSY;
    this.single = shard;
    if (epoch !== shards.keyHash.epoch) return BUSY;
    if (this.pressure === null || bytes < 0) return DONE;
    return this.isPutOff(client, shard, bytes) ? DEFERRED : DONE;
  }

  /** The same for all shards of the plan, together. */
  take(client: LockClient, bytes: number): number {
    const { keyHash } = this.shards;
    const { epoch } = keyHash;
    if (!this.takeAll(client)) return BUSY;
    if (epoch !== keyHash.epoch) return BUSY;
    if (this.pressure === null || bytes < 0) return DONE;
    return this.isAnyPutOff(client, bytes) ? DEFERRED : DONE;
  }

  /** Releases the locks that are held and forgets the plan, whatever the outcome. */
  release(): void {
    if (this.borrowed.length > 0) this.releaseBorrowed();
    const shard = this.single;
    if (shard !== NONE) {
      this.single = NONE;
      this.shards.unlock(shard);
    }
    if (this.wanted.size > 0) this.releaseAll();
  }

  /** Locks one more shard until `release`, without waiting. @returns false when it is taken */
  borrow(shard: number): boolean {
    if (!this.shards.tryLock(shard)) return false;
    this.borrowed.push(shard);
    return true;
  }

  releaseBorrowed(): void {
    for (const shard of this.borrowed) this.shards.unlock(shard);
    this.borrowed.length = 0;
  }

  private releaseAll(): void {
    this.wanted.unlock();
    this.written.clear();
  }

  /** Whether the command under way holds the shard's lock. */
  holds(shard: number): boolean {
    return this.single === shard || (this.wanted.locked && this.wanted.has(shard));
  }

  get held(): number[] {
    const { borrowed } = this;
    if (this.single !== NONE) return [this.single, ...borrowed];
    if (!this.wanted.locked) return [...borrowed];
    const shards = Array.from({ length: this.shards.count }, (_, shard) => shard);
    return [...shards.filter((shard) => this.wanted.has(shard)), ...borrowed];
  }

  /** Runs `work` with the shard locked, for commands that lock as they go. */
  withShard(shard: number, work: () => void): void {
    if (this.holds(shard)) {
      work();
      return;
    }
    if (this.wanted.locked || this.single !== NONE) {
      throw new Error(`shard ${shard} is not among those locked`);
    }
    this.awaitOne(shard);
    this.single = shard;
    try {
      work();
    } finally {
      this.single = NONE;
      this.shards.unlock(shard);
    }
  }

  private takeAll(client: LockClient): boolean {
    const { wanted } = this;
    if (wanted.tryLock(this.patience * SET_PATIENCE)) {
      client.busyInRow = 0;
      return true;
    }
    if (!this.maySleep(client)) return false;
    if (wanted.lockBefore(performance.now() + SLEEP_MS_MAX)) {
      client.busyInRow = 0;
      return true;
    }
    this.sleptInVain = true;
    return false;
  }

  private sleepForOne(client: LockClient, shard: number): boolean {
    if (!this.maySleep(client)) return false;
    if (this.shards.lockBefore(shard, performance.now() + SLEEP_MS_MAX)) {
      client.busyInRow = 0;
      return true;
    }
    this.sleptInVain = true;
    return false;
  }

  /** Whether a client whose command met a taken shard has been put off often enough. */
  private maySleep(client: LockClient): boolean {
    // The holder may be descheduled: no other client needs to spin for it in this turn.
    this.patience = 0;
    client.busyInRow++;
    return client.busyInRow > BUSY_IN_ROW_MAX && !this.sleptInVain;
  }

  /** Takes a shard's lock within a command, serving other threads' questions meanwhile. */
  private awaitOne(shard: number): void {
    if (this.shards.tryLock(shard)) return;
    this.isWaiting = true;
    try {
      while (!this.shards.lockBefore(shard, performance.now() + SLEEP_MS_MAX)) this.waiting();
    } finally {
      this.isWaiting = false;
    }
  }

  // Back-pressure.

  private isPutOff(client: LockClient, shard: number, bytes: number): boolean {
    const { nowMs } = this;
    if (this.pressure!.mustWait(shard, bytes, client.putOffSinceMs, nowMs)) {
      if (client.putOffSinceMs === 0) client.putOffSinceMs = nowMs;
      return true;
    }
    client.putOffSinceMs = 0;
    return false;
  }

  private isAnyPutOff(client: LockClient, bytes: number): boolean {
    const sinceMs = client.putOffSinceMs;
    for (let shard = 0; shard < this.shards.count; shard++) {
      // Once a wait for one shard has timed out, the other shards do not wait again.
      if (this.written.has(shard) && this.isPutOff(client, shard, bytes)) return true;
      client.putOffSinceMs = sinceMs;
    }
    client.putOffSinceMs = 0;
    return false;
  }
}
