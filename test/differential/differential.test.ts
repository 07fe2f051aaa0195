/**
 * Random commands give the same replies and the same data as redis-server. By hand, for longer:
 * `npm run differential -- --commands N --seed S`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seedFromEnvironment } from '../support/random.js';
import { eitherMissing } from '../support/server.js';
import { runCampaign } from './campaign.js';

const commands = Number(process.env.DARTER_DIFFERENTIAL_COMMANDS ?? 300_000);

test(`${commands} random commands`, { skip: eitherMissing() }, async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`DARTER_SEED=${seed}`);
  const { compared, failures } = await runCampaign({ seed, commands });
  assert.equal(failures.length, 0, failures.join('\n\n'));
  assert.ok(compared >= commands);
});
