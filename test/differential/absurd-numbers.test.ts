/** Numbers that make no sense get Redis's answer, in every place where a collection takes one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seedFromEnvironment } from '../support/random.js';
import { eitherMissing } from '../support/server.js';
import { runCampaign } from './campaign.js';
import { absurdTable } from './sequence.js';

const commands = Number(process.env.DARTER_DIFFERENTIAL_COMMANDS ?? 10_000);

test(`${commands} commands with absurd numbers`, { skip: eitherMissing() }, async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`DARTER_SEED=${seed}`);
  const { compared, failures } = await runCampaign({ seed, commands, table: absurdTable });
  assert.equal(failures.length, 0, failures.join('\n\n'));
  assert.ok(compared >= commands);
});
