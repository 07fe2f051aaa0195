/** `npm run differential:lua -- --seed S --count N [--failures F] [--by-eval]`. */
import { parseArgs } from 'node:util';
import { seedFromEnvironment } from '../../support/random.js';
import { redisServerMissing, redisServerVersion } from '../../support/server.js';
import { runLuaCampaign } from './campaign.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string', default: '100000' },
    failures: { type: 'string', default: '1' },
    // By EVAL in our server, not in an environment of this program.
    'by-eval': { type: 'boolean', default: false },
  },
});
const missing = redisServerMissing();
if (missing !== false) {
  console.error(`${missing}: nothing to compare with`);
  process.exit(2);
}
const seed = values.seed === undefined ? seedFromEnvironment() : Number(values.seed) >>> 0;
const programs = Number(values.count);
console.log(`Lua here against redis-server ${redisServerVersion()}, seed ${seed}`);
const started = Date.now();
const differing = await runLuaCampaign({
  seed,
  programs,
  failures: Number(values.failures),
  byEval: values['by-eval'],
  report: (text) => console.log(`\n${text}`),
});
const seconds = ((Date.now() - started) / 1000).toFixed(1);
console.log(`${programs} programs in ${seconds} s, ${differing.length} differ`);
process.exit(differing.length === 0 ? 0 : 1);
