/**
 * Fuzzing: many small random inputs for one target. Input `i` of a run depends on the run's seed and
 * on `i` alone, so the two repeat it. Every file in targets/ exports one `target`.
 */
import { readdirSync } from 'node:fs';
import { Random } from '../support/random.js';

export interface FuzzTarget {
  readonly name: string;
  /** What is thrown at what, and what must hold, in one sentence. */
  readonly summary: string;
  /** Makes one input of these random numbers and feeds it. Throws when something does not hold. */
  run(random: Random): void;
}

const folder = new URL('targets/', import.meta.url);

/** All targets, by name. */
export async function loadTargets(): Promise<FuzzTarget[]> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  const modules = await Promise.all(
    files.map((file) => import(new URL(file, folder).href) as Promise<{ target: FuzzTarget }>),
  );
  return modules.map(({ target }) => target).sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** The seed of input `index` in the run with this seed: neighbours have nothing in common. */
export function inputSeed(seed: number, index: number): number {
  let mixed = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b) ^ Math.imul(index + 1, 0x9e3779b1);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/** @throws Error that names the command which repeats the failing input */
export function fuzz(target: FuzzTarget, seed: number, from: number, count: number): void {
  for (let index = from; index < from + count; index++) {
    try {
      target.run(new Random(inputSeed(seed, index)));
    } catch (error) {
      const again = `npm run fuzz -- --target ${target.name} --seed ${seed} --from ${index} --inputs 1`;
      throw new Error(`${target.name}, input ${index} of seed ${seed}; again: ${again}`, {
        cause: error,
      });
    }
  }
}
