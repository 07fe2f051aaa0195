/**
 * Some thousand inputs for every fuzz target, a few for those that need a server; `npm run fuzz` runs as
 * many as wanted.
 */
import { test } from 'node:test';
import { seedFromEnvironment } from '../support/random.js';
import { fuzz, loadTargets } from './fuzz.js';
import { fuzzServer, loadServerTargets } from './server-fuzz.js';

const INPUTS = 3000;
/** Whoever reaches the port sends these. */
const MORE_INPUTS = 10_000;
const MORE = new Set(['parser', 'replication-stream', 'frames']);
const seed = seedFromEnvironment();

for (const target of await loadTargets()) {
  test(`fuzzing ${target.name}`, (context) => {
    context.diagnostic(`${target.name}: DARTER_SEED=${seed}`);
    fuzz(target, seed, 0, MORE.has(target.name) ? MORE_INPUTS : INPUTS);
  });
}

for (const target of await loadServerTargets()) {
  test(`fuzzing ${target.name}`, { skip: target.missing() }, async (context) => {
    context.diagnostic(`${target.name}: DARTER_SEED=${seed}`);
    await fuzzServer(target, { seed, from: 0, count: target.testInputs });
  });
}
