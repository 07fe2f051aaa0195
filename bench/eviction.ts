/**
 * `npm run bench:eviction`: maxmemory, Darter and redis-server side by side.
 *
 *   hits       how many reads of a cache that is too small find their keys (eviction-hits.ts)
 *   pressure   1 GB of writes to a server that may use 100 MiB (eviction-pressure.ts)
 */
import './support/fail-loudly.js';
import { Flags } from '../test/support/flags.js';
import { runHits } from './eviction-hits.js';
import { ALL_POLICIES, runPressure } from './eviction-pressure.js';
import { chosenSystems, systemFlags, systemUsage } from './support/systems.js';

const usage = `usage: npm run bench:eviction [-- options]
  --only NAME             one part: hits or pressure
  --policy NAME,NAME      only these policies (hits: allkeys-lru and allkeys-lfu; pressure: all)
 hits:
  --keys N                keys that are read (500000)
  --share N               percent of them that fit (20)
  --operations N          reads of a trace (1000000)
  --value N               bytes of a value (100)
 pressure:
  --limit N               maxmemory in MiB (100)
  --megabytes N           what is written to each server under each policy, in MB (1000)
  --warm-up N             what is written before, and removed, in MB (1000); 0: the server has just started
${systemUsage}`;
const flags = new Flags(usage, {
  ...{ only: 'text', policy: 'text' },
  ...{ keys: 'number', share: 'number', operations: 'number', value: 'number' },
  ...{ limit: 'number', megabytes: 'number', 'warm-up': 'number' },
  ...systemFlags,
});
const only = flags.text('only', '');
if (!['', 'hits', 'pressure'].includes(only)) {
  throw new Error(`--only wants hits or pressure, not '${only}'`);
}
const systems = chosenSystems(flags);
const policies = (otherwise: readonly string[]): string[] =>
  flags.text('policy', otherwise.join()).split(',');

if (only !== 'pressure') {
  const keys = flags.number('keys', 500_000);
  await runHits({
    ...{ systems, keys, policies: policies(['allkeys-lru', 'allkeys-lfu']) },
    capacity: Math.floor((keys * flags.number('share', 20)) / 100),
    operations: flags.number('operations', 1_000_000),
    valueBytes: flags.number('value', 100),
  });
}
if (only !== 'hits') {
  await runPressure({
    ...{ systems, policies: policies(ALL_POLICIES) },
    limitBytes: flags.number('limit', 100) * 2 ** 20,
    bytes: flags.number('megabytes', 1000) * 1e6,
    warmUpBytes: flags.number('warm-up', 1000) * 1e6,
  });
}
