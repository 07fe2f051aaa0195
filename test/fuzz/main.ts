/**
 * `npm run fuzz -- --target NAME --inputs N --seed S`: N inputs for a target, or for each of them. A
 * failing input ends the run with the command that repeats it.
 */
import { parseArgs } from 'node:util';
import { seedFromEnvironment } from '../support/random.js';
import { type FuzzTarget, fuzz, loadTargets } from './fuzz.js';

const PROGRESS_INPUTS = 100_000;

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    inputs: { type: 'string', default: '10000000' },
    seed: { type: 'string', default: String(seedFromEnvironment()) },
    from: { type: 'string', default: '0' },
  },
});
const seed = Number(values.seed);
const from = Number(values.from);
const inputs = Number(values.inputs);

function run(target: FuzzTarget): void {
  console.log(`${target.name}: ${inputs} inputs from seed ${seed}. ${target.summary}`);
  const startedMs = performance.now();
  for (let done = 0; done < inputs; done += PROGRESS_INPUTS) {
    fuzz(target, seed, from + done, Math.min(PROGRESS_INPUTS, inputs - done));
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    if (process.stdout.isTTY) process.stdout.write(`\r${done} in ${seconds} s`);
  }
  console.log(`${target.name}: done in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
}

const targets = await loadTargets();
const chosen = targets.filter(({ name }) => values.target === undefined || values.target === name);
if (chosen.length === 0) {
  console.error(`No such target. There are: ${targets.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}
for (const target of chosen) run(target);
