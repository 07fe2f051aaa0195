/** Random commands on streams and consumer groups give the same replies and data as redis-server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seedFromEnvironment } from '../support/random.js';
import { eitherMissing } from '../support/server.js';
import { runCampaign } from './campaign.js';
import { streamTable } from './sequence.js';

const commands = Number(process.env.DARTER_DIFFERENTIAL_COMMANDS ?? 20_000);

test(`${commands} random commands on streams`, { skip: eitherMissing() }, async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`DARTER_SEED=${seed}`);
  const { compared, failures } = await runCampaign({ seed, commands, table: streamTable });
  assert.equal(failures.length, 0, failures.join('\n\n'));
  assert.ok(compared >= commands);
});
