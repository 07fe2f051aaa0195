/**
 * Locks in shared memory: one word each, 0 = free, else the owner (thread number + 1), with AWAITED
 * beside it while a thread may be asleep until the lock is free.
 *
 * A holder runs one command, so a lock is free again within microseconds, unless its holder was
 * descheduled: hence a spin that is no longer than what giving up would cost, then either giving up
 * (tryLock: the caller serves other connections) or sleeping until the holder's `unlock` wakes one
 * sleeper. compareExchange and exchange are sequentially consistent: what the holder wrote before
 * `unlock` is visible to the next holder.
 */

/** About a microsecond and a half. */
const SPINS = 300;
/** For who has just been woken, or is about to sleep. */
const SPINS_BETWEEN_SLEEPS = 50;
/** Set beside the owner: `unlock` has to wake a sleeper. */
const AWAITED = 1 << 30;
/** Longest sleep at once. */
const SLICE_MS = 5;

/** Takes the lock, spinning briefly. Any thread; false when it stays taken. */
export function tryLock(words: Int32Array, index: number, owner: number, spins = SPINS): boolean {
  if (Atomics.compareExchange(words, index, 0, owner) === 0) return true;
  for (let spin = 0; spin < spins; spin++) {
    // Reading first keeps the cache line shared until the lock looks free.
    if (Atomics.load(words, index) === 0 && Atomics.compareExchange(words, index, 0, owner) === 0) {
      return true;
    }
  }
  return false;
}

/** Spins until the lock looks free, without taking it. @returns how many of the spins are left */
export function spinUntilFree(words: Int32Array, index: number, spins: number): number {
  let left = spins;
  while (left > 0 && Atomics.load(words, index) !== 0) left--;
  return left;
}

/**
 * Takes the lock, asleep while it is taken. Any thread.
 *
 * @param deadlineMs when to give up, in `performance.now()`'s time
 */
export function lockBefore(
  words: Int32Array,
  index: number,
  owner: number,
  deadlineMs: number,
): boolean {
  if (tryLock(words, index, owner)) return true;
  for (;;) {
    // There may be other sleepers, so that whoever was asleep takes it with the bit set.
    if (tryLock(words, index, owner | AWAITED, SPINS_BETWEEN_SLEEPS)) return true;
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0) {
      // The wake-up that another sleeper needs may have gone to this thread.
      Atomics.notify(words, index, 1);
      return false;
    }
    const found = Atomics.load(words, index);
    const awaited = found | AWAITED;
    if (found === 0) continue;
    // Sleeps only while the word says that it must be woken: no wake-up can be missed.
    if (found !== awaited && Atomics.compareExchange(words, index, found, awaited) !== found) {
      continue;
    }
    Atomics.wait(words, index, awaited, Math.min(leftMs, SLICE_MS));
  }
}

/** Takes the lock however long that takes. For callers that hold only locks of lower order. */
export function lockBlocking(words: Int32Array, index: number, owner: number): void {
  lockBefore(words, index, owner, Number.POSITIVE_INFINITY);
}

/** Gives the lock back. Only the owner may. */
export function unlock(words: Int32Array, index: number): void {
  if (Atomics.exchange(words, index, 0) >= AWAITED) Atomics.notify(words, index, 1);
}

/** Whether this owner holds the lock (for assertions and recovery after an exception). */
export function holdsLock(words: Int32Array, index: number, owner: number): boolean {
  return (Atomics.load(words, index) & ~AWAITED) === owner;
}
