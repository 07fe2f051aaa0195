/**
 * `npm run redis-faults [-- --rounds N] [--seed S] [--faults N] [--redises N] [--only NAME]`: faults between a
 * Darter and the Redises and the Darter that follow it, under load (faults.ts).
 */
import { Flags } from '../support/flags.js';
import { seedFromEnvironment } from '../support/random.js';
import { playFaults } from './faults.js';

const usage = `usage: npm run redis-faults [-- options]
  --rounds N              (1)
  --seed N                (DARTER_SEED, or random)
  --faults N              in a round (22: each kind twice)
  --redises N             that follow (4)
  --only NAME             this kind of fault`;
const flags = new Flags(usage, {
  rounds: 'number',
  seed: 'number',
  faults: 'number',
  redises: 'number',
  only: 'text',
});
const first = flags.whole('seed', seedFromEnvironment());
const rounds = flags.number('rounds', 1);
for (let round = 0; round < rounds; round++) {
  const seed = first + round;
  const played = await playFaults({
    seed,
    faults: flags.number('faults', 22),
    redises: flags.number('redises', 4),
    only: flags.text('only', ''),
  });
  console.log(`seed ${seed}: the same everywhere after ${played.length} faults`);
  for (const name of new Set(played)) {
    console.log(`  ${played.filter((fault) => fault === name).length} × ${name}`);
  }
}
