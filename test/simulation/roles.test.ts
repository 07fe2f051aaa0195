/** The schedules of roles of every test run: `npm run simulate -- --part roles` runs others. */
import { test } from 'node:test';
import { seedFromEnvironment } from '../support/random.js';
import { simulateRoles } from './roles-simulate.js';

const SCHEDULES = 200;

test(`${SCHEDULES} schedules of takeovers never have two primaries, and end with one`, (context) => {
  const seed = seedFromEnvironment();
  context.diagnostic(`DARTER_SEED=${seed}`);
  for (const line of simulateRoles(seed, SCHEDULES).split('\n')) context.diagnostic(line.trim());
});

/** The old primary served its heir over the link that it had left itself: then nobody was primary. */
test('who leaves its primary knows at once, and serves nobody in its name', () => {
  simulateRoles(15_218, 1);
});
