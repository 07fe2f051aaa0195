/** How a random command is described: how often it comes, and how its arguments are made. */
import type { World } from './world.js';

export interface CommandSpec {
  readonly weight: number;
  /** The whole command, its name first. Broken syntax comes from mutate.ts and odd arguments. */
  readonly make: (world: World) => string[];
}

export function spec(weight: number, make: (world: World) => string[]): CommandSpec {
  return { weight, make };
}

/** Specs with the sum of their weights, for picking. */
export class SpecTable {
  readonly #specs: readonly CommandSpec[];
  readonly #total: number;

  constructor(specs: readonly CommandSpec[]) {
    this.#specs = specs;
    this.#total = specs.reduce((sum, each) => sum + each.weight, 0);
  }

  make(world: World): string[] {
    let place = world.random.below(this.#total);
    for (const each of this.#specs) {
      place -= each.weight;
      if (place < 0) return each.make(world);
    }
    throw new Error('weights are positive integers');
  }
}
