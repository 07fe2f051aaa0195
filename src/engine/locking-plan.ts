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
 * Threads that hammer one shard would hand its lock and its data over with every command. So a
 * thread serves the clients that found a shard taken together, in a *run* (`beginRun`, `endRun`):
 * it sleeps for the lock, and keeps it from one command to the next, also to the next client's.
 *
 *     take ─▶ command ─▶ kept ─▶ command ─▶ kept ... ─▶ given back
 *
 * It is given back at the end of the run, before any command that is not of that one shard, after a
 * command that did not run to its end, and, when another thread sleeps for it, after KEPT_MS_MAX.
 * Then it is the others' turn: the rest of the run is answered BUSY. A run makes no system call but
 * that sleep. Shards that nobody fights for are never kept.
 *
 * A script's plan grows while it runs: `extend` takes the lock of a key that it did not declare. It
 * waits for one only with the order lock (shard-set.ts), which a script must have from its first such
 * write on: until then it can be started over, with the order lock from the beginning.
 *
 * The plan is made before there is a lock. If a full sync changes the hash key before the locks are
 * held (keyspace/key-hash.ts), they may be those of other shards: the answer is BUSY too, and the
 * command starts over with new hashes. No lock is taken between planning and taking.
 */
import { BUSY, DEFERRED, DONE } from '../base/outcome.js';
import { ORDER, type Shards } from '../keyspace/shards.js';
import type { ErrorReply } from '../protocol/errors.js';
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
/**
 * A run's sleep for its shard: about twice what a run keeps one. The thread's other clients wait
 * meanwhile.
 */
const RUN_SLEEP_MS = 1;
/** How long, and for how many commands, a lock is kept while others want it. */
const KEPT_MS_MAX = 0.3;
const KEPT_COMMANDS_MAX = 256;
const NONE = -1;
/** For `take`: the command writes nothing. */
export const WRITES_NOTHING = -1;

/** A script that runs for too long holds the shard that a command waits for. */
export class HeldUpError extends Error {
  constructor(readonly reply: ErrorReply) {
    super(reply.text);
  }
}

/** Back-pressure: whether a write to a shard has to wait because a replica lags. */
export interface WritePressure {
  /**
   * @param shard of the write, or the number of shards: the stream without keys
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
  /** The one shard for which its last command was put off; -1 when it was not. */
  takenShard: number;
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
  /** Within a run: the shard that is kept once it is locked, and the one that is kept now. */
  private contended = NONE;
  private kept = NONE;
  private keptSinceMs = 0;
  private keptCommands = 0;
  /** In this run the contended shard has been left to the threads that sleep for it. */
  private isOthersTurn = false;
  /** Shards locked besides the plan, for a client that is served. */
  private readonly borrowed: number[] = [];
  /** Whether this thread has the order lock, for a script. */
  private isOrdered = false;
  private orderedSinceMs = 0;
  /** How long this thread has held the order lock for scripts, since its start. */
  inOrderMs = 0;
  /** The shard, or ORDER, that the command under way found taken. */
  takenShard = 0;
  /** The one shard that a command last took; -1 when that were several. */
  lastShard = NONE;
  private nowMs = 0;
  /**
   * Of this turn: how long to spin for locks, and whether a command's sleep for them has failed.
   */
  private patience = PATIENCE_SPINS;
  private sleptInVain = false;

  /**
   * @param waiting called every few milliseconds while a command waits for a shard. It may throw, so
   *   that the command ends
   */
  constructor(
    private readonly shards: Shards,
    private readonly waiting: (shard: number) => void,
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

  /** Forgets a plan whose locks were not taken. */
  forget(): void {
    this.wanted.clear();
    this.written.clear();
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
    if (!this.continuesWith(shard)) {
      client.takenShard = shard;
      this.takenShard = shard;
      if (this.isOthersTurn && shard === this.contended) return BUSY;
      if (!shards.tryLock(shard, this.patience) && !this.sleepForOne(client, shard)) return BUSY;
    }
    client.takenShard = NONE;
    this.single = shard;
    this.lastShard = shard;
    if (epoch !== shards.keyHash.epoch) return BUSY;
    if (this.pressure === null || bytes < 0) return DONE;
    return this.isPutOff(client, shard, bytes) ? DEFERRED : DONE;
  }

  /** The same for a plan that was made key by key, whether it is one shard or several. `release` follows. */
  takePlanned(client: LockClient, bytes: number): number {
    const { only } = this.wanted;
    if (only < 0 || this.shards.count === 1) {
      this.giveBackKept();
      return this.take(client, bytes);
    }
    return this.takeOne(client, only, this.written.has(only) ? bytes : WRITES_NOTHING);
  }

  /** The same for all shards of the plan, together. */
  take(client: LockClient, bytes: number): number {
    const { keyHash } = this.shards;
    const { epoch } = keyHash;
    client.takenShard = NONE;
    this.lastShard = NONE;
    if (!this.takeAll(client)) return BUSY;
    if (epoch !== keyHash.epoch) return BUSY;
    if (this.pressure === null || bytes < 0) return DONE;
    return this.isAnyPutOff(client, bytes) ? DEFERRED : DONE;
  }

  /**
   * Gives back what `takeOne` took.
   * @param ran whether a command ran with it to its end, so that a run may keep it
   */
  releaseOne(ran: boolean): void {
    if (this.borrowed.length > 0) this.releaseBorrowed();
    const shard = this.single;
    if (shard === NONE) return;
    this.single = NONE;
    if (ran && shard === this.contended) this.keep(shard);
    else {
      this.kept = NONE;
      this.shards.unlock(shard);
    }
  }

  /**
   * Releases the locks of a plan and forgets it, whatever the outcome.
   * @param ran whether a command ran with them to its end
   */
  release(ran = false): void {
    if (this.borrowed.length > 0) this.releaseBorrowed();
    if (this.single !== NONE) {
      this.forget();
      this.releaseOne(ran);
      return;
    }
    if (this.wanted.size > 0 || this.isOrdered) this.releaseAll();
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
    if (!this.isOrdered) return;
    this.isOrdered = false;
    this.shards.unlockOrder();
    this.inOrderMs += performance.now() - this.orderedSinceMs;
  }

  // Scripts.

  /** As `take`, for a script, whose plan may be empty. @param inOrder with the order lock */
  takeForScript(client: LockClient, bytes: number, inOrder: boolean): number {
    if (!inOrder) return this.isEmpty ? DONE : this.take(client, bytes);
    client.takenShard = NONE;
    this.lastShard = NONE;
    const { keyHash } = this.shards;
    const { epoch } = keyHash;
    if (!this.takeInOrder(client)) return BUSY;
    if (epoch !== keyHash.epoch) return BUSY;
    if (this.pressure === null || bytes < 0) return DONE;
    return this.isAnyPutOff(client, bytes) ? DEFERRED : DONE;
  }

  private takeInOrder(client: LockClient): boolean {
    const { shards, wanted } = this;
    if (shards.lockOrder(0)) {
      this.isOrdered = true;
      if (this.isEmpty || wanted.tryLock(this.patience * SET_PATIENCE)) {
        this.orderedSinceMs = performance.now();
        client.busyInRow = 0;
        return true;
      }
      this.takenShard = wanted.taken;
      this.isOrdered = false;
      shards.unlockOrder();
    } else this.takenShard = ORDER;
    if (!this.maySleep(client)) return false;
    this.isOrdered = wanted.lockInOrder(performance.now() + SLEEP_MS_MAX);
    this.orderedSinceMs = performance.now();
    if (this.isOrdered) client.busyInRow = 0;
    else this.sleptInVain = true;
    return this.isOrdered;
  }

  get hasOrder(): boolean {
    return this.isOrdered;
  }

  /** Whether the thread holds the locks of all shards. */
  get holdsAll(): boolean {
    return this.wanted.locked && this.wanted.size === this.shards.count;
  }

  /** Takes the order lock if it is free, for a script that is about to write. @returns whether it has it */
  order(): boolean {
    if (this.isOrdered) return true;
    this.isOrdered = this.shards.lockOrder(0);
    this.orderedSinceMs = performance.now();
    return this.isOrdered;
  }

  /**
   * Takes the lock of a shard that the script under way did not declare.
   * @returns false when it is taken and the script may not wait for it, or keys have other hashes now
   */
  extend(shard: number): boolean {
    if (this.holds(shard)) return true;
    const { keyHash } = this.shards;
    const { epoch } = keyHash;
    if (this.wanted.extend(shard, 0)) return epoch === keyHash.epoch;
    if (!this.isOrdered) return false;
    this.isWaiting = true;
    try {
      while (!this.wanted.extend(shard, performance.now() + SLEEP_MS_MAX)) this.waiting(shard);
    } finally {
      this.isWaiting = false;
    }
    return epoch === keyHash.epoch;
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
    this.giveBackKept();
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
    this.takenShard = wanted.taken;
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
      while (!this.shards.lockBefore(shard, performance.now() + SLEEP_MS_MAX)) {
        this.waiting(shard);
      }
    } finally {
      this.isWaiting = false;
    }
  }

  // Runs.

  /**
   * Begins a run for clients whose commands found this shard taken (-1: several). No lock is held.
   * @param maySleep whether the thread has nothing better to do than to wait for the shard
   */
  beginRun(shard: number, maySleep: boolean): void {
    this.contended = shard;
    this.isOthersTurn = false;
    if (shard === NONE || !maySleep) return;
    if (this.shards.lockBefore(shard, performance.now() + RUN_SLEEP_MS)) this.keep(shard);
  }

  /** Ends the run, if there is one, and gives back the lock that is kept. */
  endRun(): void {
    this.giveBackKept();
    this.contended = NONE;
    this.isOthersTurn = false;
  }

  /** Gives back the lock that is kept, if one is: before anything that is not of its shard. */
  giveBackKept(): void {
    const shard = this.kept;
    if (shard === NONE) return;
    this.kept = NONE;
    this.shards.unlock(shard);
  }

  private keep(shard: number): void {
    if (this.kept === shard) return;
    this.kept = shard;
    this.keptCommands = 0;
    this.keptSinceMs = performance.now();
  }

  /** Whether the shard's lock is kept. Gives it back when it is another's, or others' turn. */
  private continuesWith(shard: number): boolean {
    const { kept } = this;
    if (kept === NONE) return false;
    if (kept === shard && !this.isKeptTooLong(kept)) return true;
    this.giveBackKept();
    return false;
  }

  private isKeptTooLong(kept: number): boolean {
    const isAwaited = this.shards.isAwaited(kept);
    const isLast = ++this.keptCommands > KEPT_COMMANDS_MAX;
    if (!isAwaited) return isLast;
    this.isOthersTurn = isLast || performance.now() - this.keptSinceMs > KEPT_MS_MAX;
    return this.isOthersTurn;
  }

  // Back-pressure.

  /** Whether a command without shards waits, as its effects go to the stream without keys. */
  isKeylessPutOff(client: LockClient, bytes: number): boolean {
    return this.pressure !== null && this.isPutOff(client, this.shards.count, bytes);
  }

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
