/**
 * Spin locks in shared memory: one word each, 0 = free, else the owner (thread number + 1).
 *
 * A holder runs one command and never waits for a second lock out of order, so a lock is free again
 * within microseconds, unless its holder was descheduled: hence the short spin, then either giving
 * up (tryLock: the caller serves other connections) or sleeping in slices (lockBlocking).
 * compareExchange and store are sequentially consistent: what the holder wrote before `unlock` is
 * visible to the next holder.
 */
const SPINS = 600;
const SLEEP_MS = 0.05;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Takes the lock, spinning briefly. Any thread; false when it stays taken. */
export function tryLock(words: Int32Array, index: number, owner: number): boolean {
  if (Atomics.compareExchange(words, index, 0, owner) === 0) return true;
  for (let spin = 0; spin < SPINS; spin++) {
    // Reading first keeps the cache line shared until the lock looks free.
    if (Atomics.load(words, index) === 0 && Atomics.compareExchange(words, index, 0, owner) === 0) {
      return true;
    }
  }
  return false;
}

/** Takes the lock however long that takes. For callers that hold only locks of lower order. */
export function lockBlocking(words: Int32Array, index: number, owner: number): void {
  while (!tryLock(words, index, owner)) Atomics.wait(sleeper, 0, 0, SLEEP_MS);
}

/** Gives the lock back. Only the owner may. */
export function unlock(words: Int32Array, index: number): void {
  Atomics.store(words, index, 0);
}

/** Whether this owner holds the lock (for assertions and recovery after an exception). */
export function holdsLock(words: Int32Array, index: number, owner: number): boolean {
  return Atomics.load(words, index) === owner;
}
