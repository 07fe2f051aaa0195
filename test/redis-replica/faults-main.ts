/**
 * `npm run redis-faults [-- --rounds N] [--seed S] [--faults N] [--redises N]`: faults between a Darter and the
 * Redises and the Darter that follow it, under load (faults.ts).
 */
import { parseArgs } from 'node:util';
import { seedFromEnvironment } from '../support/random.js';
import { playFaults } from './faults.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    seed: { type: 'string' },
    faults: { type: 'string', default: '20' },
    redises: { type: 'string', default: '4' },
  },
});
const first = values.seed === undefined ? seedFromEnvironment() : Number(values.seed);
for (let round = 0; round < Number(values.rounds); round++) {
  const seed = first + round;
  const options = { seed, faults: Number(values.faults), redises: Number(values.redises) };
  const played = await playFaults(options);
  console.log(`seed ${seed}: the same everywhere after ${played.length} faults`);
  for (const name of new Set(played)) {
    console.log(`  ${played.filter((fault) => fault === name).length} × ${name}`);
  }
}
