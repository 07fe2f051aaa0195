/** What both servers tell about equal values: digests, and their length in an RDB file. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

const seed = seedFromEnvironment();

describe('values', { skip: eitherMissing() }, () => {
  let servers: Server[];
  let clients: RawClient[];

  before(async () => {
    const args = ['--enable-debug-command', 'yes', '--save', ''];
    servers = await Promise.all([startDarter({ args }), startRedis({ args })]);
    clients = await Promise.all(servers.map((server) => server.client()));
    // Lengths are those without compression.
    await clients[1]!.command('CONFIG', 'SET', 'rdbcompression', 'no');
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function both(...words: string[]): Promise<string[]> {
    return (await Promise.all(clients.map((client) => client.command(...words)))).map(textOf);
  }

  function element(random: Random): string {
    const kind = random.below(10);
    if (kind < 4) return random.binary(random.pick([0, 3, 63, 64, 200]));
    if (kind < 8) return String(random.between(-1, 1) * 2 ** random.below(52));
    if (kind === 8) return random.pick(['9223372036854775807', '-4096', '4095', '-32769', '127']);
    return 'x'.repeat(random.pick([4095, 4096, 8180, 9000, 17_000]));
  }

  async function assertEqual(key: string): Promise<void> {
    const [own, theirs] = await both('DEBUG', 'DIGEST-VALUE', key);
    assert.equal(own, theirs, `digest of ${key}`);
    const lengths = (await both('DEBUG', 'OBJECT', key)).map((text) => {
      return /serializedlength:\d+/.exec(text)?.[0];
    });
    assert.ok(lengths[0] !== undefined);
    assert.equal(lengths[0], lengths[1], key);
  }

  test('lists', async (t) => {
    t.diagnostic(`DARTER_SEED=${seed}`);
    const random = new Random(seed);
    for (let round = 0; round < 60; round++) {
      const key = `list:${round}`;
      const count = random.pick([1, 5, 40, 40, 700]);
      const elements = Array.from({ length: count }, () => element(random));
      for (let i = 0; i < count; i += 100) {
        const [own, theirs] = await both('RPUSH', key, ...elements.slice(i, i + 100));
        assert.equal(own, theirs);
      }
      await assertEqual(key);
    }
    const [own, theirs] = await both('DEBUG', 'DIGEST');
    assert.equal(own, theirs);
  });
});
