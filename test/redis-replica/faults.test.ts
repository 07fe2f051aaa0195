/** A few faults between a Darter and those that follow it. `npm run redis-faults` plays many. */
import { describe, test } from 'node:test';
import { seedFromEnvironment } from '../support/random.js';
import { eitherMissing } from '../support/server.js';
import { playFaults } from './faults.js';

const FAULTS = Number(process.env.DARTER_FAULTS ?? 3);

describe('Redises follow a Darter: faults', { skip: eitherMissing() }, () => {
  test('under load all have the same in the end', async (t) => {
    const seed = seedFromEnvironment();
    t.diagnostic(`DARTER_SEED=${seed}`);
    t.diagnostic((await playFaults({ seed, faults: FAULTS, redises: 2 })).join(', '));
  });
});
