/**
 * `npm run crash -- --rounds N --seed S`: kills a server N times under load, with each appendfsync in
 * turn, and checks after each start what is there. `--policy always`: with that one only.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Flags } from '../support/flags.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { CrashRounds } from './crash.js';

const usage = `usage: npm run crash [-- options]
  --rounds N              kills, spread over the policies (500)
  --seed N                (DARTER_SEED, or random)
  --policy NAME           with this appendfsync only: always, everysec, no`;
const flags = new Flags(usage, { rounds: 'number', seed: 'number', policy: 'text' });
const rounds = flags.number('rounds', 500);
const seed = flags.whole('seed', seedFromEnvironment());
const only = flags.text('policy', '');
const policies = ['always', 'everysec', 'no'] as const;
const chosen = policies.filter((policy) => only === '' || policy === only);
if (chosen.length === 0) throw new Error(`--policy knows ${policies.join(', ')}`);

console.log(`${rounds} rounds from seed ${seed}`);
for (const policy of chosen) {
  const random = new Random(seed);
  const folder = mkdtempSync(join(tmpdir(), 'darter-crash-'));
  const crash = new CrashRounds({
    ...{ folder, policy, random, rewrites: true, ends: 0.1, killedStarts: 0.15 },
  });
  let writes = 0;
  const count = Math.ceil(rounds / chosen.length);
  console.log(`appendfsync ${policy}, in ${folder}`);
  for (let i = 0; i < count; i++) {
    writes += await crash.round();
    if (i % 10 === 9) console.log(`appendfsync ${policy}: ${i + 1} rounds, ${writes} writes`);
  }
  await crash.end();
  // Only what was whole goes: after a failure the files are there to look at.
  rmSync(folder, { recursive: true, force: true });
  console.log(`appendfsync ${policy}: ${count} rounds, ${writes} writes, nothing is missing`);
}
