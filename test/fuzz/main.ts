/**
 * `npm run fuzz -- --target NAME --inputs N --seed S`: N inputs for a target, or for each of them. A
 * failing input ends the run with the command that repeats it. `--seconds T` ends a target's run after
 * that time; what it says at its end, with `--from`, goes on from there. Targets that need a server
 * (server-targets/) get fewer inputs, and each of these is a batch.
 */
import { Flags } from '../support/flags.js';
import { seedFromEnvironment } from '../support/random.js';
import { type FuzzTarget, fuzz, loadTargets } from './fuzz.js';
import { fuzzServer, loadServerTargets, type ServerTarget } from './server-fuzz.js';

/** How many inputs run between two looks at the clock. */
const PROGRESS_INPUTS = 1000;
const INPUTS = 10_000_000;
const SERVER_INPUTS = 2000;

const usage = `usage: npm run fuzz [-- options]
  --target NAME           only this one
  --inputs N              for each target (10000000; 2000 batches for those that need a server)
  --seed N                (DARTER_SEED, or random)
  --from N                goes on from this input
  --seconds N             ends the run of a target after this time`;
const flags = new Flags(usage, {
  target: 'text',
  inputs: 'number',
  seed: 'number',
  from: 'number',
  seconds: 'number',
});
const only = flags.text('target', '');
const seed = flags.whole('seed', seedFromEnvironment());
const from = flags.whole('from', 0);
const inputs = flags.number('inputs', INPUTS);
const serverInputs = flags.number('inputs', SERVER_INPUTS);
const secondsMax = flags.number('seconds', Number.POSITIVE_INFINITY);

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

const isChosen = ({ name }: { readonly name: string }): boolean => only === '' || name === only;
const targets = await loadTargets();
const serverTargets = await loadServerTargets();
if (![...targets, ...serverTargets].some(isChosen)) {
  const names = [...targets, ...serverTargets].map(({ name }) => name);
  console.error(`No such target. There are: ${names.join(', ')}`);
  process.exit(1);
}
for (const target of targets.filter(isChosen)) run(target);
for (const target of serverTargets.filter(isChosen)) await runServer(target);
