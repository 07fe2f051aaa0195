/**
 * Sets against redis-server: random commands on sets alone, so that large ones meet; what DEBUG tells
 * of them. By hand, for longer: DARTER_SET_COMMANDS=50000.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { Pair } from './replay.js';
import { makeSequence } from './sequence.js';
import { setSpecs } from './set-commands.js';
import { SpecTable } from './spec.js';

const commands = Number(process.env.DARTER_SET_COMMANDS ?? 4000);
const sequenceSteps = 1000;
const seed = seedFromEnvironment();

test(`${commands} random commands on sets`, { skip: eitherMissing() }, async (t) => {
  t.diagnostic(`DARTER_SEED=${seed}`);
  const pair = await Pair.start();
  const table = new SpecTable(setSpecs);
  try {
    for (let chunk = 0; pair.compared < commands; chunk++) {
      const random = new Random((seed + Math.imul(chunk, 0x9e3779b1)) >>> 0);
      const sequence = makeSequence(random, sequenceSteps, table);
      const mismatch = await pair.run(sequence);
      if (mismatch === undefined) continue;
      const args = mismatch.args.map((text) => text.slice(0, 60)).join(' ');
      assert.fail(`chunk ${chunk}, ${args}\nours   ${mismatch.ours}\ntheirs ${mismatch.theirs}`);
    }
  } finally {
    await pair.stop();
  }
});

describe('what DEBUG tells of sets', { skip: eitherMissing() }, () => {
  let servers: [Server, Server];
  let ours: RawClient;
  let theirs: RawClient;

  before(async () => {
    const args = ['--enable-debug-command', 'yes'];
    const redisArgs = [...args, '--rdbcompression', 'no'];
    servers = await Promise.all([startDarter({ args }), startRedis({ args: redisArgs })]);
    [ours, theirs] = await Promise.all([servers[0].client(), servers[1].client()]);
  });
  after(async () => {
    await Promise.all([ours.close(), theirs.close()]);
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function both(...args: string[]): Promise<[string, string]> {
    const replies = await Promise.all([ours.command(...args), theirs.command(...args)]);
    return [textOf(replies[0]), textOf(replies[1])];
  }

  test('digests and serialized lengths are equal for equal sets', async () => {
    const number = (count: number, step: number): string[] =>
      Array.from({ length: count }, (_, i) => String((i - 3) * step));
    const contents = [
      ...[['a'], ['1'], ['', 'x', '-1'], ['127', '128', '-129', '40000', '2147483648', 'y']],
      ...[number(500, 1), number(500, 100), number(300, 1_000_000_000), number(700, 77_777)],
      Array.from({ length: 3000 }, (_, i) => `member:${i}`),
      ['x'.repeat(63), 'y'.repeat(64), 'z'.repeat(20_000), '9223372036854775807'],
    ];
    for (const [i, members] of contents.entries()) {
      await both('SADD', `s${i}`, ...members);
      const [own, their] = await both('DEBUG', 'DIGEST-VALUE', `s${i}`);
      assert.equal(own, their, `digest of set ${i}`);
      const [about, expected] = await both('DEBUG', 'OBJECT', `s${i}`);
      const length = /encoding:\w+ serializedlength:\d+/;
      assert.equal(length.exec(about)?.[0], length.exec(expected)?.[0], `set ${i}`);
    }
    const [own, their] = await both('DEBUG', 'DIGEST');
    assert.equal(own, their, 'digest of all');
  });
});
