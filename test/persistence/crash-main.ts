/**
 * `npm run crash -- --rounds N --seed S`: kills a server N times under load, with each appendfsync in
 * turn, and checks after each start what is there. `--policy always`: with that one only.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../support/random.js';
import { CrashRounds } from './crash.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '500' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    policy: { type: 'string', default: '' },
  },
});
const rounds = Number(values.rounds);
const policies = ['always', 'everysec', 'no'] as const;
const chosen = policies.filter((policy) => values.policy === '' || values.policy === policy);

console.log(`${rounds} rounds from seed ${values.seed}`);
for (const policy of chosen) {
  const random = new Random(Number(values.seed));
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
