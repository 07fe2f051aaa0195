/**
 * Seeded random numbers for tests (sfc32): the same seed gives the same run on every machine.
 * DARTER_SEED repeats a run; a test that uses randomness prints its seed first.
 */
export class Random {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#a = this.seed;
    this.#b = 0x9e3779b9;
    this.#c = 0x243f6a88;
    for (let i = 0; i < 15; i++) this.next();
  }

  /** An unsigned 32-bit integer. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** An integer from 0 to limit - 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 4294967296) * limit);
  }

  /** An integer from low to high, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.next() / 4294967296 < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  shuffle<T>(list: T[]): T[] {
    for (let i = list.length - 1; i > 0; i--) {
      const other = this.below(i + 1);
      const kept = list[i] as T;
      list[i] = list[other] as T;
      list[other] = kept;
    }
    return list;
  }

  /** A list's elements without an end: each comes once, in any order, before one comes again. */
  *dealt<T>(list: readonly T[]): Generator<T, never> {
    for (;;) yield* this.shuffle([...list]);
  }

  /** Bytes as a latin1 string, each from 0 to 255. */
  binary(bytes: number): string {
    const buffer = Buffer.allocUnsafe(bytes);
    for (let i = 0; i < bytes; i++) buffer[i] = this.next() >>> 24;
    return buffer.toString('latin1');
  }
}

/** The seed of this run: DARTER_SEED, or a fresh one. */
export function seedFromEnvironment(): number {
  const text = process.env.DARTER_SEED;
  if (text === undefined || text === '') return Math.floor(Math.random() * 4294967296);
  const seed = Number(text);
  if (!Number.isInteger(seed)) throw new Error(`DARTER_SEED is not an integer: ${text}`);
  return seed >>> 0;
}
