/**
 * `npm run fuzz -- --target NAME --inputs N --seed S`: N inputs for a target, or for each of them. A
 * failing input ends the run with the command that repeats it. `--seconds T` ends a target's run after
 * that time; what it says at its end, with `--from`, goes on from there. Targets that need a server
 * (server-targets/) get fewer inputs, and each of these is a batch.
 */
import { parseArgs } from 'node:util';
import { seedFromEnvironment } from '../support/random.js';
import { type FuzzTarget, fuzz, loadTargets } from './fuzz.js';
import { fuzzServer, loadServerTargets, type ServerTarget } from './server-fuzz.js';

/** How many inputs run between two looks at the clock. */
const PROGRESS_INPUTS = 1000;
const INPUTS = 10_000_000;
const SERVER_INPUTS = 2000;

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    inputs: { type: 'string' },
    seed: { type: 'string', default: String(seedFromEnvironment()) },
    from: { type: 'string', default: '0' },
    seconds: { type: 'string', default: 'Infinity' },
  },
});
const seed = Number(values.seed);
const from = Number(values.from);
const inputs = Number(values.inputs ?? INPUTS);
const serverInputs = Number(values.inputs ?? SERVER_INPUTS);
const secondsMax = Number(values.seconds);

function run(target: FuzzTarget): void {
  console.log(`${target.name}: ${inputs} inputs from seed ${seed}. ${target.summary}`);
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1000;
  let done = 0;
  while (done < inputs && seconds() < secondsMax) {
    const count = Math.min(PROGRESS_INPUTS, inputs - done);
    fuzz(target, seed, from + done, count);
    done += count;
    if (process.stdout.isTTY) process.stdout.write(`\r${done} in ${seconds().toFixed(0)} s`);
  }
  const mebibytes = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `${target.name}: ${done} inputs, to ${from + done}, in ${seconds().toFixed(1)} s, ` +
      `${mebibytes} MiB at most`,
  );
}

async function runServer(target: ServerTarget): Promise<void> {
  const missing = target.missing();
  if (missing !== false) {
    console.log(`${target.name}: skipped, as ${missing}`);
    return;
  }
  console.log(`${target.name}: ${serverInputs} inputs from seed ${seed}. ${target.summary}`);
  const endMs = performance.now() + secondsMax * 1000;
  const range = { seed, from, count: serverInputs };
  const done = await fuzzServer(target, range, () => performance.now() > endMs);
  console.log(`${target.name}: ${done} inputs, to ${from + done}`);
}

const isChosen = ({ name }: { readonly name: string }): boolean =>
  values.target === undefined || values.target === name;
const targets = await loadTargets();
const serverTargets = await loadServerTargets();
if (![...targets, ...serverTargets].some(isChosen)) {
  const names = [...targets, ...serverTargets].map(({ name }) => name);
  console.error(`No such target. There are: ${names.join(', ')}`);
  process.exit(1);
}
for (const target of targets.filter(isChosen)) run(target);
for (const target of serverTargets.filter(isChosen)) await runServer(target);
