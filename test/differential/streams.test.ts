/** Random commands on streams and consumer groups give the same replies and data as redis-server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random, seedFromEnvironment } from '../support/random.js';
import { textOf } from '../support/reply.js';
import { eitherMissing, startDarter, startRedis } from '../support/server.js';
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

test('digests and lengths in a file are equal', { skip: eitherMissing() }, async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`DARTER_SEED=${seed}`);
  const random = new Random(seed);
  const args = ['--enable-debug-command', 'yes', '--rdbcompression', 'no'];
  const servers = await Promise.all([
    startDarter({ args: args.slice(0, 2) }),
    startRedis({ args }),
  ]);
  const clients = await Promise.all(servers.map((server) => server.client()));
  const both = async (...words: string[]): Promise<string[]> => {
    const replies = await Promise.all(clients.map((client) => client.command(...words)));
    return replies.map((reply) => textOf(reply));
  };
  try {
    for (let round = 0; round < 25; round++) {
      await both('DEL', 's');
      const count = random.between(1, random.pick([3, 30, 250]));
      let ms = 1_700_000_000_000;
      for (let i = 0; i < count; i++) {
        ms += random.pick([1, 1, 7, 300, 100_000]);
        const value = random.pick(['x'.repeat(random.below(90)), String(random.below(1e9)), '-7']);
        const more = random.chance(0.1) ? ['other', random.binary(random.between(1, 70))] : [];
        await both('XADD', 's', `${ms}-${random.below(3)}`, 'name', value, 'n', `${i}`, ...more);
      }
      const [ours, theirs] = await both('DEBUG', 'DIGEST-VALUE', 's');
      assert.equal(ours, theirs, `round ${round}`);
      const lengths = (await both('DEBUG', 'OBJECT', 's')).map(
        (text) => /serializedlength:(\d+)/.exec(text)?.[1],
      );
      assert.equal(lengths[0], lengths[1], `round ${round}: ${count} entries`);
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(servers.map((server) => server.stop()));
  }
});
