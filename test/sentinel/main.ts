/** `npm run sentinel [-- --rounds N] [--scenario NAME]`: every kind of failover, under load. */
import { Flags } from '../support/flags.js';
import { play, SCENARIOS } from './scenarios.js';

const usage = `usage: npm run sentinel [-- options]
  --rounds N              of all scenarios (1)
  --scenario NAME         only this one`;
const flags = new Flags(usage, { rounds: 'number', scenario: 'text' });
const only = flags.text('scenario', '');
const known = Object.keys(SCENARIOS);
const names = known.filter((name) => only === '' || name === only);
if (names.length === 0) throw new Error(`--scenario knows ${known.join(', ')}`);
const rounds = flags.number('rounds', 1);
for (let round = 0; round < rounds; round++) {
  for (const name of names) {
    const password = round % 2 === 0 ? undefined : 'secret';
    console.log(await play(name, { password }));
  }
}
