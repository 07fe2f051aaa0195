/**
 * `npm run simulate -- --schedules N --seed S`: N schedules from seed S on. A failing schedule ends
 * it with its seed, which alone repeats it: `--schedules 1 --seed <that>`, and its story.
 * `--part roles`: schedules of roles and takeovers instead of those of data; `--part disk`: of the
 * journal and of snapshots on a disk that loses, tears and refuses.
 */
import { parseArgs } from 'node:util';
import { simulateDisk } from './disk-simulate.js';
import { simulateRoles } from './roles-simulate.js';
import { simulate } from './simulate.js';

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    part: { type: 'string', default: 'data' },
    steps: { type: 'string', default: '400' },
  },
});

const started = performance.now();
const seed = Number(values.seed);
const schedules = Number(values.schedules);
const steps = Number(values.steps);

async function run(): Promise<string> {
  if (values.part === 'roles') return simulateRoles(seed, schedules);
  if (values.part === 'disk') return simulateDisk(seed, schedules, steps);
  return simulate(seed, schedules, steps);
}

const summary = await run();
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${values.schedules} schedules from seed ${values.seed} in ${seconds} s`);
console.log(summary);
