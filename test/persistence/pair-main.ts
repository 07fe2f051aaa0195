/**
 * `npm run crash:pair -- --rounds N --seed S`: a primary and a replica that both have a journal, and N
 * events of an operator's life, half of them with each appendfsync. `--event NAME`: that one only.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Flags } from '../support/flags.js';
import { claimPort } from '../support/ports.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { type PairEvent, ServerPair } from './pair.js';

const usage = `usage: npm run crash:pair [-- options]
  --rounds N              events, half of them with each appendfsync (100)
  --seed N                (DARTER_SEED, or random)
  --event NAME            only these`;
const flags = new Flags(usage, { rounds: 'number', seed: 'number', event: 'text' });
const rounds = flags.number('rounds', 100);
const seed = flags.whole('seed', seedFromEnvironment());
const only = flags.text('event', '');
console.log(`${rounds} rounds from seed ${seed}`);
for (const policy of ['always', 'everysec'] as const) {
  const random = new Random(seed);
  const folder = mkdtempSync(join(tmpdir(), 'darter-pair-'));
  const ports = [await claimPort(), await claimPort()] as const;
  const pair = new ServerPair({ folder, ports, policy, random });
  console.log(`appendfsync ${policy}, in ${folder}`);
  await pair.begin();
  const names = Object.keys(pair.events) as PairEvent[];
  const chosen = names.filter((name) => only === '' || name === only);
  if (chosen.length === 0) throw new Error(`--event knows ${names.join(', ')}`);
  const dealt = random.dealt(chosen);
  for (let i = 0; i < Math.ceil(rounds / 2); i++) {
    const event = dealt.next().value;
    const startedMs = Date.now();
    await pair.play(event).catch((error: unknown) => {
      throw new Error(`round ${i}, ${event}, appendfsync ${policy}`, { cause: error });
    });
    console.log(`${i} ${event}: ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  }
  await pair.end();
  // Only what was whole goes: after a failure the files are there to look at.
  rmSync(folder, { recursive: true, force: true });
}
