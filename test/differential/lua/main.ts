/** `npm run differential:lua -- --seed S --count N [--failures F] [--by-eval]`. */
import { Flags } from '../../support/flags.js';
import { seedFromEnvironment } from '../../support/random.js';
import { redisServerMissing, redisServerVersion } from '../../support/server.js';
import { runLuaCampaign } from './campaign.js';

const usage = `usage: npm run differential:lua [-- options]
  --count N               programs (100000)
  --seed N                (DARTER_SEED, or random)
  --failures N            ends after so many that differ (1)
  --by-eval               by EVAL in our server, not in an environment of this program`;
const flags = new Flags(usage, {
  count: 'number',
  seed: 'number',
  failures: 'number',
  'by-eval': 'switch',
});
const missing = redisServerMissing();
if (missing !== false) {
  console.error(`${missing}: nothing to compare with`);
  process.exit(2);
}
const seed = flags.whole('seed', seedFromEnvironment()) >>> 0;
const programs = flags.number('count', 100_000);
console.log(`Lua here against redis-server ${redisServerVersion()}, seed ${seed}`);
const started = Date.now();
const differing = await runLuaCampaign({
  seed,
  programs,
  failures: flags.number('failures', 1),
  byEval: flags.has('by-eval'),
  report: (text) => console.log(`\n${text}`),
});
const seconds = ((Date.now() - started) / 1000).toFixed(1);
console.log(`${programs} programs in ${seconds} s, ${differing.length} differ`);
process.exit(differing.length === 0 ? 0 : 1);
