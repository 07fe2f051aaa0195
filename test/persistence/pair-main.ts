/**
 * `npm run crash:pair -- --rounds N --seed S`: a primary and a replica that both have a journal, and N
 * events of an operator's life, half of them with each appendfsync. `--event NAME`: that one only.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { claimPort } from '../support/ports.js';
import { Random } from '../support/random.js';
import { type PairEvent, ServerPair } from './pair.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    event: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
console.log(`${rounds} rounds from seed ${values.seed}`);
for (const policy of ['always', 'everysec'] as const) {
  const random = new Random(Number(values.seed));
  const folder = mkdtempSync(join(tmpdir(), 'darter-pair-'));
  const ports = [await claimPort(), await claimPort()] as const;
  const pair = new ServerPair({ folder, ports, policy, random });
  console.log(`appendfsync ${policy}, in ${folder}`);
  await pair.begin();
  const names = Object.keys(pair.events) as PairEvent[];
  for (let i = 0; i < Math.ceil(rounds / 2); i++) {
    const event = (values.event as PairEvent | undefined) ?? random.pick(names);
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
