/**
 * `npm run simulate -- --schedules N --seed S`: N schedules from seed S on. A failing schedule ends
 * it with its seed, which alone repeats it: `--schedules 1 --seed <that>`, and its story.
 * `--part roles`: schedules of roles and takeovers instead of those of data; `--part disk`: of the
 * journal and of snapshots on a disk that loses, tears and refuses.
 */
import { Flags } from '../support/flags.js';
import { seedFromEnvironment } from '../support/random.js';
import { simulateDisk } from './disk-simulate.js';
import { simulateRoles } from './roles-simulate.js';
import { simulate } from './simulate.js';

const usage = `usage: npm run simulate [-- options]
  --schedules N           (2000)
  --seed N                of the first schedule (DARTER_SEED, or random)
  --part NAME             data; roles, of takeovers; disk, of a journal and snapshots on a disk that
                          loses, tears and refuses (data)
  --steps N               in a schedule of data or disk (400)`;
const flags = new Flags(usage, {
  schedules: 'number',
  seed: 'number',
  part: 'text',
  steps: 'number',
});

const part = flags.text('part', 'data');
if (!['data', 'roles', 'disk'].includes(part)) {
  throw new Error(`--part knows data, roles, disk, not '${part}'`);
}
const started = performance.now();
const seed = flags.whole('seed', seedFromEnvironment());
const schedules = flags.number('schedules', 2000);
const steps = flags.number('steps', 400);

async function run(): Promise<string> {
  if (part === 'roles') return simulateRoles(seed, schedules);
  if (part === 'disk') return simulateDisk(seed, schedules, steps);
  return simulate(seed, schedules, steps);
}

const summary = await run();
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${schedules} schedules from seed ${seed} in ${seconds} s`);
console.log(summary);
