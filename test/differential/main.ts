/** `npm run differential -- --commands N --seed S [--chunk C] [--failures F]`. */
import { parseArgs } from 'node:util';
import { seedFromEnvironment } from '../support/random.js';
import { darterCommand, redisServerVersion } from '../support/server.js';
import { runCampaign } from './campaign.js';

const { values } = parseArgs({
  options: {
    commands: { type: 'string', default: '200000' },
    seed: { type: 'string' },
    chunk: { type: 'string', default: '0' },
    failures: { type: 'string', default: '1' },
  },
});
const seed = values.seed === undefined ? seedFromEnvironment() : Number(values.seed) >>> 0;
const { command, args } = darterCommand();
console.log(`${[command, ...args].join(' ')} against redis-server ${redisServerVersion()}`);
console.log(`seed ${seed}`);
const started = Date.now();
const result = await runCampaign({
  seed,
  commands: Number(values.commands),
  firstChunk: Number(values.chunk),
  failures: Number(values.failures),
  report: (text) => console.log(`\n${text}`),
});
const seconds = ((Date.now() - started) / 1000).toFixed(1);
console.log(
  `\n${result.compared} commands compared in ${seconds} s, ${result.failures.length} fail`,
);
process.exit(result.failures.length === 0 ? 0 : 1);
