/** Sorted sets against redis-server where random commands do not look: digests and lengths in files. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

const seed = seedFromEnvironment();

describe('sorted sets', { skip: eitherMissing() }, () => {
  let servers: [Server, Server];
  let clients: [RawClient, RawClient];

  before(async () => {
    const args = ['--enable-debug-command', 'yes', '--rdbcompression', 'no'];
    servers = await Promise.all([startDarter({ args: args.slice(0, 2) }), startRedis({ args })]);
    clients = await Promise.all([servers[0].client(), servers[1].client()]);
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function both(...words: string[]): Promise<[string, string]> {
    const replies = await Promise.all(clients.map((client) => client.command(...words)));
    return replies.map((reply) => textOf(reply)) as [string, string];
  }

  function member(random: Random): string {
    if (random.chance(0.3)) return String(random.between(-100_000, 5_000_000));
    if (random.chance(0.05)) return random.binary(random.between(60, 9000));
    return `m${random.below(100_000)}`;
  }

  test('ranges that are stored keep the signs of zeros, in either order', async () => {
    const random = new Random(seed);
    for (let round = 0; round < 60; round++) {
      const count = random.pick([20, 127, 128, 129, 300]);
      const pairs: string[] = [];
      // A set with a long member is a skiplist from the start: the only one with -0.
      pairs.push('1', 'x'.repeat(100));
      for (let i = 0; i < count; i++) {
        const name = random.chance(0.02) ? random.binary(100) : `m${i}`;
        pairs.push(random.pick(['-1', '-0', '0', '1', '2']), name);
      }
      await both('DEL', 'z');
      await both('ZADD', 'z', ...pairs);
      const low = random.pick(['-inf', '-1', '0', '(0']);
      const high = random.pick(['+inf', '1', '(1']);
      const limit = random.chance(0.5)
        ? ['LIMIT', String(random.below(9)), String(random.below(count))]
        : [];
      for (const range of [
        [low, high, 'BYSCORE', ...limit],
        [high, low, 'BYSCORE', 'REV', ...limit],
        ['0', '-1', 'REV'],
        ['+', '-', 'BYLEX', 'REV', ...limit],
      ]) {
        const [ours, theirs] = await both('ZRANGESTORE', 'stored', 'z', ...range);
        assert.equal(ours, theirs);
        const digests = await both('DEBUG', 'DIGEST-VALUE', 'stored');
        assert.equal(digests[0], digests[1], `round ${round}, seed ${seed}: ${range.join(' ')}`);
      }
    }
  });

  test('digests, lengths in a file and encodings are equal', async (t) => {
    t.diagnostic(`DARTER_SEED=${seed}`);
    const random = new Random(seed);
    for (let round = 0; round < 60; round++) {
      const count = random.between(1, random.pick([3, 130, 130, 600, 3000]));
      const pairs: string[] = [];
      for (let i = 0; i < count; i++) {
        const score = random.pick([
          random.between(-99, 99),
          random.next() / 1e5,
          -0,
          1e17,
          2 ** 60,
        ]);
        pairs.push(Object.is(score, -0) ? '-0' : String(score), member(random));
      }
      await both('DEL', 'z');
      await both('ZADD', 'z', ...pairs);
      const [ours, theirs] = await both('OBJECT', 'ENCODING', 'z');
      assert.equal(ours, theirs);
      const digests = await both('DEBUG', 'DIGEST-VALUE', 'z');
      assert.equal(digests[0], digests[1], `round ${round}`);
      const objects = await both('DEBUG', 'OBJECT', 'z');
      const lengths = objects.map((text) => /serializedlength:(\d+)/.exec(text)?.[1]);
      assert.equal(lengths[0], lengths[1], `round ${round}: ${count} members, ${ours}`);
    }
    const whole = await both('DEBUG', 'DIGEST');
    assert.equal(whole[0], whole[1]);
  });
});
