/**
 * Locks in shared memory: one word each, 0 = free.
 *
 *   bits  0..13   the owner: a thread's number + 1
 *   bits 14..27   the heir: the owner number of a waiter that gets the lock from the next `unlock`
 *   bit  30       AWAITED: a thread may be asleep until the lock is free. Set with every heir
 *
 * A holder runs one command, so a lock is free again within microseconds, unless its holder was
 * descheduled: hence a spin that is no longer than what giving up would cost, then either giving up
 * (tryLock: the caller serves other connections) or sleeping until the holder's `unlock` wakes one
 * sleeper. compareExchange is sequentially consistent: what the holder wrote before `unlock` is
 * visible to the next holder.
 *
 * A spinning thread gets a free lock before a sleeper has woken. While others take the lock again
 * and again, a sleeper can starve, above all with a low priority. So a waiter that has waited for
 * long becomes the heir: `unlock` passes the lock straight to it, and the lock is never free in
 * between (`lockInTurn`). It does not become the heir at once, because a lock that waits for a
 * sleeping heir serves nobody.
 */

/** About a microsecond and a half. */
const SPINS = 300;
/** For a thread that was just woken, or is about to sleep. */
const SPINS_BETWEEN_SLEEPS = 50;
const OWNER_MASK = 0x3fff;
const HEIR_SHIFT = 14;
const AWAITED = 1 << 30;
/** A waiter becomes the heir after this time, if there is none. */
const HEIR_AFTER_MS = 1;
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
    // There may be other sleepers, so a thread that slept takes the lock with the bit set.
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

/**
 * Takes the lock, with no bound on the time. For callers that hold only locks of lower order, and
 * for short sections: it may be overtaken any number of times. Other threads may use the same owner
 * number.
 */
export function lockBlocking(words: Int32Array, index: number, owner: number): void {
  lockBefore(words, index, owner, Number.POSITIVE_INFINITY);
}

/**
 * Takes the lock after a time that is bounded, whoever else wants it: about HEIR_AFTER_MS and what
 * the holders and other waiters need. For callers that hold only locks of lower order.
 *
 * @param owner no other thread may use this number
 */
export function lockInTurn(words: Int32Array, index: number, owner: number): void {
  if (tryLock(words, index, owner)) return;
  const heirFromMs = performance.now() + HEIR_AFTER_MS;
  for (;;) {
    const found = Atomics.load(words, index);
    if ((found & OWNER_MASK) === owner) return;
    if (found === 0) {
      // There may be other sleepers, so a thread that slept takes the lock with the bit set.
      if (Atomics.compareExchange(words, index, 0, owner | AWAITED) === 0) return;
      continue;
    }
    const hasHeir = heirOf(found) !== 0;
    const isDue = !hasHeir && performance.now() >= heirFromMs;
    const awaited = found | AWAITED | (isDue ? owner << HEIR_SHIFT : 0);
    if (found !== awaited && Atomics.compareExchange(words, index, found, awaited) !== found) {
      continue;
    }
    Atomics.wait(words, index, awaited, hasHeir || isDue ? SLICE_MS : HEIR_AFTER_MS);
  }
}

function heirOf(word: number): number {
  return (word >> HEIR_SHIFT) & OWNER_MASK;
}

/** Gives the lock back. Only the owner may. */
export function unlock(words: Int32Array, index: number): void {
  // A plain read: where it misses the bits of a thread that has just begun to wait, the exchange fails.
  const held = words[index]!;
  if (held >= AWAITED || Atomics.compareExchange(words, index, held, 0) !== held) {
    passOn(words, index);
  }
}

/** Gives an awaited lock to its heir, who was asleep; or frees it, and wakes one sleeper. */
function passOn(words: Int32Array, index: number): void {
  for (;;) {
    const held = Atomics.load(words, index);
    const heir = heirOf(held);
    const next = heir === 0 ? 0 : heir | AWAITED;
    if (Atomics.compareExchange(words, index, held, next) !== held) continue;
    // The heir is one of the sleepers; `notify` cannot choose it, so it wakes all of them.
    Atomics.notify(words, index, heir === 0 ? 1 : Number.POSITIVE_INFINITY);
    return;
  }
}

/** Whether a thread may be asleep until the lock is free. For its holder. */
export function isAwaited(words: Int32Array, index: number): boolean {
  return Atomics.load(words, index) >= AWAITED;
}

/** Who holds the lock, 0 for nobody. It may be another one a moment later. */
export function lockOwner(words: Int32Array, index: number): number {
  return Atomics.load(words, index) & OWNER_MASK;
}

/** Whether this owner holds the lock (for assertions and recovery after an exception). */
export function holdsLock(words: Int32Array, index: number, owner: number): boolean {
  return (Atomics.load(words, index) & OWNER_MASK) === owner;
}
