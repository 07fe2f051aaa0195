/** Whether hot code allocates: what a call adds to the JS heap once it is compiled. */

const WARM_UP_ROUNDS = 50_000;
const ROUNDS = 20_000;
const ATTEMPTS = 9;

/**
 * Heap bytes per call of `round`, which gets its number. The best of several attempts, as the
 * compiler and the collector work on the same heap; code that allocates does so in all of them.
 */
export function heapBytesPerRound(round: (i: number) => void): number {
  for (let i = 0; i < WARM_UP_ROUNDS; i++) round(i);
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < ROUNDS; i++) round(i);
    const grown = process.memoryUsage().heapUsed - before;
    // A collection in between makes it negative: that attempt says nothing.
    if (grown >= 0) best = Math.min(best, grown / ROUNDS);
  }
  return best;
}
