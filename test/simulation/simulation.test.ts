/** The schedules of every test run: `npm run simulate` runs any number of others. */
import { test } from 'node:test';
import { seedFromEnvironment } from '../support/random.js';
import { simulate } from './simulate.js';

const SCHEDULES = 100;
const STEPS = 250;

test(`${SCHEDULES} schedules of replication end with equal data`, (context) => {
  const seed = seedFromEnvironment();
  context.diagnostic(`DARTER_SEED=${seed}`);
  for (const line of simulate(seed, SCHEDULES, STEPS).split('\n')) context.diagnostic(line.trim());
});
