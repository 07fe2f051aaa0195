/**
 * `npm run differential -- --commands N --seed S [--chunk C] [--failures F] [--only absurd|streams]`.
 */
import { Flags } from '../support/flags.js';
import { seedFromEnvironment } from '../support/random.js';
import { darterCommand, redisServerVersion } from '../support/server.js';
import { runCampaign } from './campaign.js';
import { absurdTable, streamTable } from './sequence.js';
import type { SpecTable } from './spec.js';

const usage = `usage: npm run differential [-- options]
  --commands N            (200000)
  --seed N                (DARTER_SEED, or random)
  --chunk N               begins at this part of the seed's commands
  --failures N            ends after so many that differ (1)
  --only NAME             absurd or streams`;
const flags = new Flags(usage, {
  commands: 'number',
  seed: 'number',
  chunk: 'number',
  failures: 'number',
  only: 'text',
});
const tables: Readonly<Record<string, SpecTable>> = { absurd: absurdTable, streams: streamTable };
const only = flags.text('only', '');
const table = tables[only];
if (only !== '' && table === undefined) throw new Error(`--only ${only}: no such commands`);
const seed = flags.whole('seed', seedFromEnvironment()) >>> 0;
const { command, args } = darterCommand();
console.log(`${[command, ...args].join(' ')} against redis-server ${redisServerVersion()}`);
console.log(`seed ${seed}`);
const started = Date.now();
const result = await runCampaign({
  seed,
  commands: flags.number('commands', 200_000),
  firstChunk: flags.whole('chunk', 0),
  failures: flags.number('failures', 1),
  ...(table === undefined ? {} : { table }),
  report: (text) => console.log(`\n${text}`),
});
const seconds = ((Date.now() - started) / 1000).toFixed(1);
console.log(
  `\n${result.compared} commands compared in ${seconds} s, ${result.failures.length} fail`,
);
process.exit(result.failures.length === 0 ? 0 : 1);
