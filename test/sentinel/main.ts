/** `npm run sentinel [-- --rounds N] [--scenario NAME]`: every kind of failover, under load. */
import { parseArgs } from 'node:util';
import { play, SCENARIOS } from './scenarios.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    scenario: { type: 'string' },
  },
});
const names = values.scenario === undefined ? Object.keys(SCENARIOS) : [values.scenario];
for (let round = 0; round < Number(values.rounds); round++) {
  for (const name of names) {
    const password = round % 2 === 0 ? undefined : 'secret';
    console.log(await play(name, { password }));
  }
}
