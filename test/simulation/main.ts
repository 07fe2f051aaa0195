/**
 * `npm run simulate -- --schedules N --seed S`: N schedules from seed S on. A failing schedule ends
 * it with its seed, which alone repeats it: `--schedules 1 --seed <that>`, and its story.
 */
import { parseArgs } from 'node:util';
import { simulate } from './simulate.js';

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    steps: { type: 'string', default: '400' },
  },
});

const started = performance.now();
const summary = simulate(Number(values.seed), Number(values.schedules), Number(values.steps));
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${values.schedules} schedules from seed ${values.seed} in ${seconds} s`);
console.log(summary);
