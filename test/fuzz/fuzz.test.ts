/** Ten thousand inputs for every fuzz target; `npm run fuzz` runs as many as wanted. */
import { test } from 'node:test';
import { seedFromEnvironment } from '../support/random.js';
import { fuzz, loadTargets } from './fuzz.js';

const INPUTS = 10_000;
const seed = seedFromEnvironment();

for (const target of await loadTargets()) {
  test(`fuzzing ${target.name}`, (context) => {
    context.diagnostic(`${target.name}: DARTER_SEED=${seed}`);
    fuzz(target, seed, 0, INPUTS);
  });
}
