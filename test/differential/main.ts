/**
 * `npm run differential -- --commands N --seed S [--chunk C] [--failures F] [--only absurd|streams]`.
 */
import { parseArgs } from 'node:util';
import { seedFromEnvironment } from '../support/random.js';
import { darterCommand, redisServerVersion } from '../support/server.js';
import { runCampaign } from './campaign.js';
import { absurdTable, streamTable } from './sequence.js';
import type { SpecTable } from './spec.js';

const { values } = parseArgs({
  options: {
    commands: { type: 'string', default: '200000' },
    seed: { type: 'string' },
    chunk: { type: 'string', default: '0' },
    failures: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});
const tables: Readonly<Record<string, SpecTable>> = { absurd: absurdTable, streams: streamTable };
const table = tables[values.only];
if (values.only !== '' && table === undefined)
  throw new Error(`--only ${values.only}: no such commands`);
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
  ...(table === undefined ? {} : { table }),
  report: (text) => console.log(`\n${text}`),
});
const seconds = ((Date.now() - started) / 1000).toFixed(1);
console.log(
  `\n${result.compared} commands compared in ${seconds} s, ${result.failures.length} fail`,
);
process.exit(result.failures.length === 0 ? 0 : 1);
